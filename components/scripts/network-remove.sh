# Removes the lab's Docker network; succeeds when it is gone already.
# In: NETWORK STACK (its label says so)
set -eu
id=$(docker network ls --quiet --filter "name=^$NETWORK\$" --filter "label=ambient-lab.stack=$STACK")
[ -z "$id" ] || docker network rm "$id" >&2
