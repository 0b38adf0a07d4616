# Takes the caches out of a lab's network, which could not be removed with them in it. They run on for other labs.
# Needs problem.sh before it.
# In: NETWORK
set -eu
why="Docker does not remove a network with a container in it"
names=$(must "Docker does not list the caches in network \"$NETWORK\"" "$why" \
  "docker ps --all --filter network=$NETWORK   (must succeed), then run the command again" \
  docker ps --all --filter label=ambient-lab.cache --filter "network=$NETWORK" --format '{{.Names}}')
for name in $names; do
  must "Docker cannot disconnect $name from network \"$NETWORK\"" "$why" \
    "docker network disconnect --force $NETWORK $name   (must succeed), then run the command again" \
    docker network disconnect --force "$NETWORK" "$name"
done
