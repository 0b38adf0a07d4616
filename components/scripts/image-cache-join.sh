# Lets the nodes of a lab reach the caches by their names. Needs image-get.sh before it.
# In: CACHES NETWORK
set -eu
printf '%s\n' "$CACHES" | while IFS='=' read -r registry _; do
  [ -n "$registry" ] || continue
  name=$(cache_name "$registry")
  networks=$(docker container inspect --format '{{range $n, $_ := .NetworkSettings.Networks}}{{$n}} {{end}}' "$name")
  case " $networks " in
    *" $NETWORK "*) ;;
    *) docker network connect "$NETWORK" "$name" ;;
  esac
done
echo "$NETWORK"
