# Lets the nodes of a lab reach the caches by their names. Needs image-get.sh before it.
# In: CACHES NETWORK
set -eu
printf '%s\n' "$CACHES" | while IFS='=' read -r registry _; do
  [ -n "$registry" ] || continue
  name=$(cache_name "$registry")
  # shellcheck disable=SC2016 # Docker's template expands it
  networks=$(must "Docker does not tell the networks of $name" "The nodes pull through this cache" \
    "docker container inspect $name   (must succeed), then run the command again" \
    docker container inspect --format '{{range $n, $_ := .NetworkSettings.Networks}}{{$n}} {{end}}' "$name")
  case " $networks " in
    *" $NETWORK "*) ;;
    *)
      must "Docker cannot connect $name to network \"$NETWORK\"" "The nodes pull through this cache" \
        "docker network connect $NETWORK $name   (must succeed), then run the command again" docker network connect "$NETWORK" "$name"
      ;;
  esac
done
echo "$NETWORK"
