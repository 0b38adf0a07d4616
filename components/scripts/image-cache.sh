# Starts the registry caches of this machine, one container for each registry, unless they run. The caches are shared by all
# labs, and remain when a lab is destroyed. Runs after image-get.sh.
# In: CACHES CACHE_IMAGE CA_FILE (PEM of an additional CA for the caches, may be empty), and the inputs of image-get.sh
#     PATIENCE (timeout in seconds until a cache listens; 90 when unset)
set -eu
get "$CACHE_IMAGE"
image=$CACHE_IMAGE
docker image inspect "$image" >/dev/null 2>&1 || image=${image%@*}
trust=""
[ -z "$CA_FILE" ] || trust=$(cksum < "$CA_FILE")

# shellcheck disable=SC2016 # the container's shell expands it
# A cache does not start while its registry cannot be reached. It then runs read-only and serves the images that it has.
serve='registry serve "$0" || REGISTRY_PROXY_REMOTEURL="" REGISTRY_STORAGE_MAINTENANCE_READONLY="{enabled: true}" registry serve "$0"'

# Replaces the container of a cache. The images are kept in a volume, and the new container is connected to the same networks.
make_cache() {
  name=$(cache_name "$1")
  networks=$(docker container inspect --format '{{range $n, $_ := .NetworkSettings.Networks}}{{$n}} {{end}}' "$name" 2>/dev/null || true)
  [ -z "$networks" ] || docker rm --force "$name" >/dev/null
  docker volume create --label "ambient-lab.cache=$1" "$name" >/dev/null
  # The port is published on the loopback address only; nodes use the lab's network. With a TTL of 0, images never expire.
  docker create --name "$name" --label "ambient-lab.cache=$3" --restart unless-stopped --stop-timeout 1 \
    --publish 127.0.0.1::5000 --volume "$name:/var/lib/registry" \
    --env "REGISTRY_PROXY_REMOTEURL=$2" --env REGISTRY_PROXY_TTL=0 --env OTEL_TRACES_EXPORTER=none \
    --env HTTP_PROXY --env HTTPS_PROXY --env NO_PROXY \
    --entrypoint /bin/sh "$image" -c "$serve" /etc/distribution/config.yml >/dev/null ||
    docker container inspect "$name" >/dev/null # another lab created it at the same time
  [ -z "$CA_FILE" ] || docker cp "$CA_FILE" "$name:/etc/ssl/certs/ambient-lab-ca.pem" >/dev/null
  for network in $networks; do
    [ "$network" = bridge ] || docker network connect "$network" "$name"
  done
}

# Waits until a cache logs that it listens, which it does once for each start. Fails when the container stops, or after PATIENCE.
wait_until_listening() {
  started=$(docker container inspect --format '{{.State.StartedAt}}' "$1")
  attempts=0
  until docker logs --since "$started" "$1" 2>&1 | grep -q "listening on"; do
    attempts=$((attempts + 1))
    [ "$attempts" -lt $((${PATIENCE:-90} * 4)) ] || return 1
    now=$(docker container inspect --format '{{.State.Status}} {{.State.StartedAt}}' "$1")
    [ "$now" = "running $started" ] || return 1
    sleep 0.25
  done
}

printf '%s\n' "$CACHES" | while IFS='=' read -r registry url; do
  [ -n "$registry" ] || continue
  wanted="$url $CACHE_IMAGE $trust"
  found=$(docker container inspect --format '{{index .Config.Labels "ambient-lab.cache"}}' "$(cache_name "$registry")" 2>/dev/null || true)
  [ -n "$found" ] || ! docker container inspect "$(cache_name "$registry")" >/dev/null 2>&1 || {
    problem "A container \"$(cache_name "$registry")\" exists that no lab made" "The cache of $registry needs this name" \
      "docker rename $(cache_name "$registry") ANOTHER-NAME, or: npm run lab -- config set imageCache false"
    exit 1
  }
  # docker volume create succeeds for an existing volume, also for one that the lab did not create.
  volume=$(docker volume inspect --format 'label {{index .Labels "ambient-lab.cache"}}' "$(cache_name "$registry")" 2>/dev/null || true)
  [ "$volume" != "label " ] || {
    problem "A volume \"$(cache_name "$registry")\" exists that no lab made" "The cache of $registry would write into it" \
      "npm run lab -- config set imageCache false   (or remove the volume, if nobody uses it)"
    exit 1
  }
  [ "$found" = "$wanted" ] || make_cache "$registry" "$url" "$wanted"
  { answer=$(docker start "$(cache_name "$registry")" 2>&1) && wait_until_listening "$(cache_name "$registry")"; } || {
    # docker start prints the name of the container on success.
    [ "$answer" != "$(cache_name "$registry")" ] || answer=$(docker logs --tail 1 "$answer" 2>&1)
    problem "The cache of $registry does not start: $(fault "$answer")" "imageCache is on, and images come through it" \
      "docker logs $(cache_name "$registry"), or: npm run lab -- config set imageCache false"
    exit 1
  }
  docker port "$(cache_name "$registry")" 5000/tcp
done
