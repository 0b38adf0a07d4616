# Functions that verify that a cluster belongs to the stack, and delete it. Runs after problem.sh.
# In: CLUSTER KIND_EXPERIMENTAL_DOCKER_NETWORK (the stack's network)
#     NETWORK_ID (ID of that network; unset in labs of earlier versions)
set -eu
# The user's shell may select podman or nerdctl, with which kind does not find the lab (kind pkg/internal/runtime/runtime.go).
export KIND_EXPERIMENTAL_PROVIDER=docker

foreign() {
  problem "A kind cluster \"$CLUSTER\" exists that this stack did not make ($1)" \
    "The lab changes and deletes only a cluster that it can prove to be its own" \
    "$remove_nodes   (only if nobody uses the cluster: deletes it)" || exit 1
}
remove_nodes="docker rm --force --volumes \$(docker ps --all --quiet --filter label=io.x-k8s.kind.cluster=$CLUSTER)"

# Runs a docker command that determines the owner of the cluster. In: the arguments of docker
query_docker() {
  must "Docker does not report the owner of cluster \"$CLUSTER\"" \
    "The lab changes and deletes only a cluster that it can prove to be its own" \
    "docker ps --all --filter label=io.x-k8s.kind.cluster=$CLUSTER   (must succeed), then run the command again" docker "$@"
}

# Exits unless every node of the cluster is on the stack's network. Docker keeps the ID of the network in which a node was started,
# also after the network was removed: "docker network prune" removes the network of a paused lab.
require_own_cluster() {
  # A failure in the head of the loop would be ignored.
  nodes=$(query_docker ps -aq --filter "label=io.x-k8s.kind.cluster=$CLUSTER") || exit 1
  [ -n "$nodes" ] || return 0
  for node in $nodes; do
    # shellcheck disable=SC2016 # Docker's template expands it
    networks=$(query_docker inspect --format '{{range $name, $of := .NetworkSettings.Networks}}{{$name}}={{$of.NetworkID}} {{end}}' "$node") || exit 1
    case " $networks " in
      *" $KIND_EXPERIMENTAL_DOCKER_NETWORK="*) ;;
      *) foreign "its network: $(printf '%s' "$networks" | sed 's/=[^ ]*//g')" ;;
    esac
    [ -n "${NETWORK_ID:-}" ] || continue
    case " $networks " in
      # A node that was never started has only the name of the network.
      *" $KIND_EXPERIMENTAL_DOCKER_NETWORK=$NETWORK_ID "* | *" $KIND_EXPERIMENTAL_DOCKER_NETWORK= "*) ;;
      *) of_another "${networks##*"$KIND_EXPERIMENTAL_DOCKER_NETWORK="}" ;;
    esac
  done
  [ -n "${NETWORK_ID:-}" ] || return 0
  id=$(query_docker network ls --quiet --no-trunc --filter "name=^$KIND_EXPERIMENTAL_DOCKER_NETWORK\$") || exit 1
  [ -z "$id" ] || [ "$id" = "$NETWORK_ID" ] || of_another "$id"
}

# In: the ID of the cluster's network
of_another() {
  id=${1%% *}
  owner=$(docker network inspect --format '{{index .Labels "ambient-lab.owner"}}' "$id" 2>/dev/null) || owner=""
  foreign "its network has the ID $id, and the stack's network had $NETWORK_ID${owner:+; it belongs to $owner}"
}

# Deletes the cluster and its entries in the kubeconfig; succeeds when it does not exist. In: KUBECONFIG_FILE
delete_cluster() {
  # A killed kind leaves its lock file, and kind fails while it exists (pkg/cluster/internal/kubeconfig/internal/kubeconfig/lock.go).
  rm -f "$KUBECONFIG_FILE.lock"
  must "kind cannot delete cluster \"$CLUSTER\"" "Its nodes are containers of this machine, and at least one remains" \
    "$remove_nodes   (must succeed; if Docker cannot kill a container, restart Docker), then run the command again" \
    kind delete cluster --name "$CLUSTER" --kubeconfig "$KUBECONFIG_FILE"
}
