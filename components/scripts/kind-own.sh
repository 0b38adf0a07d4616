# Function that tells the stack's own cluster from another one with the same name.
# In: CLUSTER KIND_EXPERIMENTAL_DOCKER_NETWORK (the stack's network)
#     NETWORK_ID (id of that network; unset in labs of earlier versions)
set -eu
# With podman or nerdctl, which the user's shell may name, kind would not see the lab (kind pkg/internal/runtime/runtime.go).
export KIND_EXPERIMENTAL_PROVIDER=docker

foreign() {
  printf 'What  A kind cluster "%s" exists that this stack did not make (%s)\n' "$CLUSTER" "$1" >&2
  echo "Why   The lab changes and deletes only a cluster that it can prove to be its own" >&2
  # shellcheck disable=SC2016 # the user's shell expands it
  printf 'Fix   docker rm --force --volumes $(docker ps --all --quiet --filter label=io.x-k8s.kind.cluster=%s)' "$CLUSTER" >&2
  echo "   (only if the cluster is of no use to anyone: deletes it)" >&2
  exit 1
}

# Ends the script unless every node of the cluster is on the stack's network.
require_own_cluster() {
  # Not asked for in the head of the loop: a failure would look like no node.
  nodes=$(docker ps -aq --filter "label=io.x-k8s.kind.cluster=$CLUSTER")
  [ -n "$nodes" ] || return 0
  for node in $nodes; do
    networks=$(docker inspect --format '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}' "$node")
    case " $networks " in
      *" $KIND_EXPERIMENTAL_DOCKER_NETWORK "*) ;;
      *) foreign "its network: $networks" ;;
    esac
  done
  [ -n "${NETWORK_ID:-}" ] || return 0
  # No network of that name is left, and so no other lab has one.
  id=$(docker network ls --quiet --no-trunc --filter "name=^$KIND_EXPERIMENTAL_DOCKER_NETWORK\$")
  [ -z "$id" ] || [ "$id" = "$NETWORK_ID" ] || foreign "its network has the id $id, the stack's had $NETWORK_ID"
}
