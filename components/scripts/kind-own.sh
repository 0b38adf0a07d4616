# Functions that tell the stack's own cluster from another one with the same name, and delete it. They need problem.sh.
# In: CLUSTER KIND_EXPERIMENTAL_DOCKER_NETWORK (the stack's network)
#     NETWORK_ID (id of that network; unset in labs of earlier versions)
set -eu
# With podman or nerdctl, which the user's shell may name, kind would not see the lab (kind pkg/internal/runtime/runtime.go).
export KIND_EXPERIMENTAL_PROVIDER=docker

foreign() {
  problem "A kind cluster \"$CLUSTER\" exists that this stack did not make ($1)" \
    "The lab changes and deletes only a cluster that it can prove to be its own" \
    "$remove_nodes   (only if the cluster is of no use to anyone: deletes it)" || exit 1
}
remove_nodes="docker rm --force --volumes \$(docker ps --all --quiet --filter label=io.x-k8s.kind.cluster=$CLUSTER)"

# Asks Docker, which must answer. In: docker's arguments
ask_docker() {
  must "Docker does not tell whose cluster \"$CLUSTER\" is" \
    "The lab changes and deletes only a cluster that it can prove to be its own" \
    "docker ps --all --filter label=io.x-k8s.kind.cluster=$CLUSTER   (must succeed), then run the command again" docker "$@"
}

# Ends the script unless every node of the cluster is on the stack's network. Docker keeps the id of the network that a node was
# started in, also when the network is gone: "docker network prune" removes that of a paused lab.
require_own_cluster() {
  # Not asked for in the head of the loop: a failure would look like no node.
  nodes=$(ask_docker ps -aq --filter "label=io.x-k8s.kind.cluster=$CLUSTER") || exit 1
  [ -n "$nodes" ] || return 0
  for node in $nodes; do
    # shellcheck disable=SC2016 # Docker's template expands it
    networks=$(ask_docker inspect --format '{{range $name, $of := .NetworkSettings.Networks}}{{$name}}={{$of.NetworkID}} {{end}}' "$node") || exit 1
    case " $networks " in
      *" $KIND_EXPERIMENTAL_DOCKER_NETWORK="*) ;;
      *) foreign "its network: $(printf '%s' "$networks" | sed 's/=[^ ]*//g')" ;;
    esac
    [ -n "${NETWORK_ID:-}" ] || continue
    case " $networks " in
      # A node that was never started knows the name alone.
      *" $KIND_EXPERIMENTAL_DOCKER_NETWORK=$NETWORK_ID "* | *" $KIND_EXPERIMENTAL_DOCKER_NETWORK= "*) ;;
      *) of_another "${networks##*"$KIND_EXPERIMENTAL_DOCKER_NETWORK="}" ;;
    esac
  done
  [ -n "${NETWORK_ID:-}" ] || return 0
  id=$(ask_docker network ls --quiet --no-trunc --filter "name=^$KIND_EXPERIMENTAL_DOCKER_NETWORK\$") || exit 1
  [ -z "$id" ] || [ "$id" = "$NETWORK_ID" ] || of_another "$id"
}

# In: the id of the network that the cluster is on
of_another() {
  id=${1%% *}
  owner=$(docker network inspect --format '{{index .Labels "ambient-lab.owner"}}' "$id" 2>/dev/null) || owner=""
  foreign "its network has the id $id, the stack's had $NETWORK_ID${owner:+; it belongs to $owner}"
}

# Deletes the cluster and takes it out of its kubeconfig; succeeds when it is gone already. In: KUBECONFIG_FILE
delete_cluster() {
  # A killed kind leaves it, and kind fails while it is there (pkg/cluster/internal/kubeconfig/internal/kubeconfig/lock.go).
  rm -f "$KUBECONFIG_FILE.lock"
  must "kind cannot delete cluster \"$CLUSTER\"" "Its nodes are containers of this machine, and one of them stays" \
    "$remove_nodes   (must succeed; a restart of Docker ends what it cannot kill), then run the command again" \
    kind delete cluster --name "$CLUSTER" --kubeconfig "$KUBECONFIG_FILE"
}
