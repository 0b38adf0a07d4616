# Builds the apps' image and prints its id. Needs image-get.sh before it.
# In: IMAGE BUILD (folder of its Dockerfile), and what image-get.sh reads
set -eu
build "$IMAGE" "$BUILD"
docker image inspect --format '{{.Id}}' "$IMAGE"
