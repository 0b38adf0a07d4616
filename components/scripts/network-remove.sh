# Removes the lab's Docker network; succeeds when it is gone already. A network with other labels is another lab's.
# In: NETWORK LABELS (key=value, one a line: those of the lab's network)
#     STACK (in labs of earlier versions, in place of LABELS)
set -eu
[ -z "${STACK:-}" ] || LABELS="ambient-lab.stack=$STACK"
set --
while IFS= read -r label; do set -- "$@" --filter "label=$label"; done <<END
$LABELS
END
id=$(docker network ls --quiet --filter "name=^$NETWORK\$" "$@")
[ -z "$id" ] || docker network rm "$id" >&2
