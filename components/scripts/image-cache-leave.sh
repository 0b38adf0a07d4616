# Takes the caches out of a lab's network, which could not be removed with them in it. They run on for other labs.
# In: NETWORK
set -eu
for name in $(docker ps --all --filter label=ambient-lab.cache --filter "network=$NETWORK" --format '{{.Names}}'); do
  docker network disconnect --force "$NETWORK" "$name"
done
