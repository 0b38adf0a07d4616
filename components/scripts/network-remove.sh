# Removes the lab's Docker network; succeeds when it does not exist. A network with other labels belongs to another lab, and is
# not removed. Runs after problem.sh.
# In: NETWORK (also the name of the lab's cluster) LABELS (labels of the lab's network, key=value, one a line)
#     STACK (in labs of earlier versions, instead of LABELS)
set -eu
[ -z "${STACK:-}" ] || LABELS="ambient-lab.stack=$STACK"
set --
while IFS= read -r label; do set -- "$@" --filter "label=$label"; done <<END
$LABELS
END
id=$(must "Docker does not list its networks" "The lab's network is found by its labels, and removed" \
  "docker network ls   (must succeed), then run the command again" docker network ls --quiet --no-trunc --filter "name=^$NETWORK\$" "$@")
[ -n "$id" ] || exit 0
# The network of a lab of an earlier version has none of these labels: a network with one of them belongs to another lab.
for label in ambient-lab.owner ambient-lab.organization; do
  case "$LABELS" in
    *"$label="*) ;;
    *)
      value=$(must "Docker does not tell the labels of network \"$NETWORK\"" "They tell whose network it is" \
        "docker network inspect $NETWORK   (must succeed), then run the command again" \
        docker network inspect --format "{{index .Labels \"$label\"}}" "$id")
      [ -z "$value" ] || exit 0
      ;;
  esac
done
# If kind or the Pulumi engine was killed, nodes may exist that are not in the state. Docker keeps the ID of the network in which a
# node was started, also after that network was removed: nodes with another ID belong to another lab. A node that was never started
# has only the name of the network.
named=$(must "Docker does not list the nodes in network \"$NETWORK\"" "Docker cannot remove a network that has nodes" \
  "docker ps --all --filter network=$NETWORK   (must succeed), then run the command again" \
  docker ps --all --filter "label=io.x-k8s.kind.cluster=$NETWORK" --filter "network=$NETWORK" --format '{{.Names}}')
nodes=""
for node in $named; do
  started_in=$(must "Docker does not tell the network of node \"$node\"" "Only the nodes in the lab's own network are the lab's" \
    "docker inspect $node   (must succeed), then run the command again" \
    docker inspect --format "{{with index .NetworkSettings.Networks \"$NETWORK\"}}{{.NetworkID}}{{end}}" "$node")
  case "$started_in" in "" | "$id") nodes="$nodes${nodes:+ }$node" ;; esac
done
remove_nodes="docker rm --force --volumes $nodes"
case "$nodes|$LABELS" in
  # The label of the owner proves that network and nodes belong to this lab. A lab of another user may have the same label of the stack.
  ?*"|"*ambient-lab.owner=*)
    # shellcheck disable=SC2086 # names of containers
    must "Docker cannot remove the nodes of an unfinished cluster, $nodes" "They are in the lab's network, which cannot be removed with them" \
      "$remove_nodes   (must succeed; if Docker cannot kill a container, restart Docker), then run the command again" \
      docker rm --force --volumes $nodes >/dev/null
    nodes=""
    ;;
esac
answer=$(docker network rm "$id" 2>&1) && exit 0
why="The network is the last resource of the lab"
fix="docker network rm $NETWORK   (must succeed), then run the command again"
users=$(docker network inspect --format '{{range .Containers}}{{.Name}} {{end}}' "$id" 2>/dev/null) || users=""
others=""
leave=""
for user in $users; do
  case " $nodes " in *" $user "*) continue ;; esac
  others="$others${others:+ }$user"
  leave="$leave${leave:+; }docker network disconnect --force $NETWORK $user"
done
if [ -n "$others" ]; then
  why="The lab's network has containers that are not the lab's: $others"
  fix="$leave   (disconnects them), then run the command again"
fi
if [ -n "$nodes" ]; then
  why="The lab's network has nodes of a kind cluster, and no record of its owner: $nodes${others:+; and other containers: $others}"
  fix="$remove_nodes${leave:+; $leave}   (only if nobody uses the cluster: deletes it), then run the command again"
fi
problem "Docker cannot remove network \"$NETWORK\": $(fault "$answer")" "$why" "$(remedy "$answer" "$fix")"
