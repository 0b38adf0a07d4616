# Starts the registries' caches of this machine, one container each, unless they run. They belong to no lab: every lab
# uses them, and they stay when it goes. Needs image-get.sh before it.
# In: CACHES CACHE_IMAGE CA_FILE (PEM that the caches trust as well, may be empty), and what image-get.sh reads
#     PATIENCE (seconds that a cache may take to listen; 90 when unset)
set -eu
get "$CACHE_IMAGE"
image=$CACHE_IMAGE
docker image inspect "$image" >/dev/null 2>&1 || image=${image%@*}
trust=""
[ -z "$CA_FILE" ] || trust=$(cksum < "$CA_FILE")

# shellcheck disable=SC2016 # the container's shell expands it
# A cache does not start while its registry is out of reach: then what it holds is served all the same, and not written to.
serve='registry serve "$0" || REGISTRY_PROXY_REMOTEURL="" REGISTRY_STORAGE_MAINTENANCE_READONLY="{enabled: true}" registry serve "$0"'

# Makes the cache of a registry anew; what it holds is in a volume and stays, and so are the labs' networks.
make_cache() {
  name=$(cache_name "$1")
  networks=$(docker container inspect --format '{{range $n, $_ := .NetworkSettings.Networks}}{{$n}} {{end}}' "$name" 2>/dev/null || true)
  [ -z "$networks" ] || docker rm --force "$name" >/dev/null
  docker volume create --label "ambient-lab.cache=$1" "$name" >/dev/null
  # Published on the loopback address alone; nodes come by a network of their own. A TTL of 0 keeps images for good.
  docker create --name "$name" --label "ambient-lab.cache=$3" --restart unless-stopped --stop-timeout 1 \
    --publish 127.0.0.1::5000 --volume "$name:/var/lib/registry" \
    --env "REGISTRY_PROXY_REMOTEURL=$2" --env REGISTRY_PROXY_TTL=0 --env OTEL_TRACES_EXPORTER=none \
    --env HTTP_PROXY --env HTTPS_PROXY --env NO_PROXY \
    --entrypoint /bin/sh "$image" -c "$serve" /etc/distribution/config.yml >/dev/null ||
    docker container inspect "$name" >/dev/null # another lab was quicker
  [ -z "$CA_FILE" ] || docker cp "$CA_FILE" "$name:/etc/ssl/certs/ambient-lab-ca.pem" >/dev/null
  for network in $networks; do
    [ "$network" = bridge ] || docker network connect "$network" "$name"
  done
}

# Returns when a cache listens: it says so once a start. Not when it ends instead, or is silent for too long.
until_it_listens() {
  started=$(docker container inspect --format '{{.State.StartedAt}}' "$1")
  looks=0
  until docker logs --since "$started" "$1" 2>&1 | grep -q "listening on"; do
    looks=$((looks + 1))
    [ "$looks" -lt $((${PATIENCE:-90} * 4)) ] || return 1
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
    problem "A container \"$(cache_name "$registry")\" exists that no lab made" "The cache of $registry needs the name" \
      "docker rename $(cache_name "$registry") ANOTHER-NAME, or: npm run lab -- config set imageCache false"
    exit 1
  }
  # docker volume create takes one that is there, whoever made it.
  volume=$(docker volume inspect --format 'label {{index .Labels "ambient-lab.cache"}}' "$(cache_name "$registry")" 2>/dev/null || true)
  [ "$volume" != "label " ] || {
    problem "A volume \"$(cache_name "$registry")\" exists that no lab made" "The cache of $registry would write into it" \
      "npm run lab -- config set imageCache false   (or remove the volume, if it is of no use to anyone)"
    exit 1
  }
  [ "$found" = "$wanted" ] || make_cache "$registry" "$url" "$wanted"
  { answer=$(docker start "$(cache_name "$registry")" 2>&1) && until_it_listens "$(cache_name "$registry")"; } || {
    # docker prints the name of a container that it has started.
    [ "$answer" != "$(cache_name "$registry")" ] || answer=$(docker logs --tail 1 "$answer" 2>&1)
    problem "The cache of $registry does not start: $(fault "$answer")" "imageCache is on, and images come through it" \
      "docker logs $(cache_name "$registry"), or: npm run lab -- config set imageCache false"
    exit 1
  }
  docker port "$(cache_name "$registry")" 5000/tcp
done
