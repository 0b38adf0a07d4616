# Removes the lab's Docker network; succeeds when it is gone already. A network with other labels is another lab's. Needs
# problem.sh before it.
# In: NETWORK LABELS (key=value, one a line: those of the lab's network)
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
answer=$(docker network rm "$id" 2>&1) && exit 0
why="The network belongs to the lab, and nothing else is left of it"
fix="docker network rm $NETWORK   (must succeed), then run the command again"
users=$(docker network inspect --format '{{range .Containers}}{{.Name}} {{end}}' "$id" 2>/dev/null) || users=""
if [ -n "${users%% *}" ]; then
  why="These are in the lab's network, and the lab did not put them there: ${users% }"
  fix=""
  for user in $users; do
    leave="docker network disconnect --force $NETWORK $user"
    fix="$fix${fix:+; }$leave"
  done
  fix="$fix   (takes them out of it), then run the command again"
fi
problem "Docker cannot remove network \"$NETWORK\": $(fault "$answer")" "$why" "$(remedy "$answer" "$fix")"
