# Removes the lab's Docker network; succeeds when it is gone already. A network with other labels is another lab's. Needs
# problem.sh before it.
# In: NETWORK (also the name of the lab's cluster) LABELS (key=value, one a line: those of the lab's network)
#     STACK (in labs of earlier versions, in place of LABELS)
set -eu
[ -z "${STACK:-}" ] || LABELS="ambient-lab.stack=$STACK"
set --
while IFS= read -r label; do set -- "$@" --filter "label=$label"; done <<END
$LABELS
END
id=$(must "Docker does not list its networks" "The lab's network is removed last, and by its labels" \
  "docker network ls   (must succeed), then run the command again" docker network ls --quiet --filter "name=^$NETWORK\$" "$@")
[ -n "$id" ] || exit 0
# The network of a lab of an earlier version lacks labels: one that has them was made by another lab.
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
# A kind that was killed, or whose engine was, has left nodes that the state does not know.
nodes=$(must "Docker does not list the nodes in network \"$NETWORK\"" "They keep it from being removed" \
  "docker ps --all --filter network=$NETWORK   (must succeed), then run the command again" \
  docker ps --all --filter "label=io.x-k8s.kind.cluster=$NETWORK" --filter "network=$NETWORK" --format '{{.Names}}')
nodes=$(printf '%s' "$nodes" | tr '\n' ' ')
remove_nodes="docker rm --force --volumes $nodes"
case "$nodes|$LABELS" in
  # The label of the owner proves that network and nodes are this lab's. The label of the stack may be on another user's.
  ?*"|"*ambient-lab.owner=*)
    # shellcheck disable=SC2086 # names of containers
    must "Docker cannot remove the nodes of an unfinished cluster, $nodes" "They are in the lab's network, which is removed last" \
      "$remove_nodes   (must succeed; a restart of Docker ends what it cannot kill), then run the command again" \
      docker rm --force --volumes $nodes >/dev/null
    nodes=""
    ;;
esac
answer=$(docker network rm "$id" 2>&1) && exit 0
why="The network belongs to the lab, and nothing else is left of it"
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
  why="These are in the lab's network, and the lab did not put them there: $others"
  fix="$leave   (takes them out of it), then run the command again"
fi
if [ -n "$nodes" ]; then
  why="Nodes of a kind cluster are in the lab's network, which has no record of its owner: $nodes${others:+; and others: $others}"
  fix="$remove_nodes${leave:+; $leave}   (only if the cluster is of no use to anyone: deletes it), then run the command again"
fi
problem "Docker cannot remove network \"$NETWORK\": $(fault "$answer")" "$why" "$(remedy "$answer" "$fix")"
