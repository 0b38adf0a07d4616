# Connects the caches to a lab's network, so that its nodes reach them by name. Runs after image-get.sh.
# In: CACHES NETWORK
set -eu
printf '%s\n' "$CACHES" | while IFS='=' read -r registry _; do
  [ -n "$registry" ] || continue
  name=$(cache_name "$registry")
  # shellcheck disable=SC2016 # Docker's template expands it
  networks=$(must "Docker does not list the networks of $name" "The nodes pull through this cache" \
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
