# Disconnects the caches from a lab's network: Docker does not remove a network that has containers. The caches keep running
# for other labs. Runs after problem.sh.
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
