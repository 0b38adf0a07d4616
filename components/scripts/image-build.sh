# Builds the image of the applications and prints its ID. Runs after image-get.sh.
# In: IMAGE BUILD (folder of its Dockerfile), and the inputs of image-get.sh
set -eu
build "$IMAGE" "$BUILD"
docker image inspect --format '{{.Id}}' "$IMAGE"
