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

# Ends the script unless every node of the cluster is on the stack's network.
require_own_cluster() {
  # Not asked for in the head of the loop: a failure would look like no node.
  nodes=$(ask_docker ps -aq --filter "label=io.x-k8s.kind.cluster=$CLUSTER") || exit 1
  [ -n "$nodes" ] || return 0
  for node in $nodes; do
    # shellcheck disable=SC2016 # Docker's template expands it
    networks=$(ask_docker inspect --format '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}' "$node") || exit 1
    case " $networks " in
      *" $KIND_EXPERIMENTAL_DOCKER_NETWORK "*) ;;
      *) foreign "its network: $networks" ;;
    esac
  done
  [ -n "${NETWORK_ID:-}" ] || return 0
  # No network of that name is left, and so no other lab has one.
  id=$(ask_docker network ls --quiet --no-trunc --filter "name=^$KIND_EXPERIMENTAL_DOCKER_NETWORK\$") || exit 1
  [ -z "$id" ] || [ "$id" = "$NETWORK_ID" ] || foreign "its network has the id $id, the stack's had $NETWORK_ID"
}

# Deletes the cluster and takes it out of its kubeconfig; succeeds when it is gone already. In: KUBECONFIG_FILE
delete_cluster() {
  # A killed kind leaves it, and kind fails while it is there (pkg/cluster/internal/kubeconfig/internal/kubeconfig/lock.go).
  rm -f "$KUBECONFIG_FILE.lock"
  must "kind cannot delete cluster \"$CLUSTER\"" "Its nodes are containers of this machine, and one of them stays" \
    "$remove_nodes   (must succeed; a restart of Docker ends what it cannot kill), then run the command again" \
    kind delete cluster --name "$CLUSTER" --kubeconfig "$KUBECONFIG_FILE"
}
