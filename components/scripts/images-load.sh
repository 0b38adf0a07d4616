# Loads images from this machine into the nodes that run them, as archives of a single platform: Docker's containerd image
# store would name other platforms' layers that it does not have (kubernetes-sigs/kind#3795).
# A node unpacks what it is given at the speed of a processor, so that the control plane gets nothing in vain.
# Needs image-get.sh before it: Docker may have lost an image since it was pulled.
# In: CLUSTER IMAGES (one a line), and what image-get.sh reads
#     DAEMONS (those of IMAGES for the control plane as well, one a line; may be empty)
#     BUILD (folder of the only image, where the lab builds it itself; may be empty)
set -eu
build() {
  docker build --quiet --tag "$1" "$BUILD" >&2 || problem "Cannot build \"$1\" from $BUILD again" \
    "Docker has lost it since it was built, and no registry has it" \
    "docker build --tag $1 $BUILD   (shows why), then up again"
}
for image in $IMAGES; do
  if [ -n "${BUILD:-}" ] && ! present "$image"; then build "$image"; else get "$image"; fi
done

images_file=$(mktemp "${TMPDIR:-/tmp}/ambient-lab-images.XXXXXX")
trap 'rm -f "$images_file"' EXIT
# dash leaves without the trap above when a signal ends it.
trap 'exit 1' HUP INT TERM
platform=""
if docker info --format '{{.DriverStatus}}' | grep -q 'io.containerd.snapshotter'; then
  platform="--platform=$(docker version --format '{{.Server.Os}}/{{.Server.Arch}}')"
fi
# In: nodes (with a comma between them), images
load() {
  nodes=$1
  shift
  # shellcheck disable=SC2086 # perhaps no word
  docker save $platform --output "$images_file" "$@" || {
    echo "What  Cannot write the archive of images to ${TMPDIR:-/tmp}" >&2
    echo "Why   The nodes load their images from it" >&2
    echo "Fix   docker system df; df -h ${TMPDIR:-/tmp}   (make room, then run up again)" >&2
    exit 1
  }
  kind load image-archive "$images_file" --name "$CLUSTER" --nodes "$nodes" >&2
}
nodes=$(kind get nodes --name "$CLUSTER" | sort)
others=$IMAGES
if [ -n "${DAEMONS:-}" ]; then
  others=$(echo "$IMAGES" | grep -vxF -- "$DAEMONS" || true)
  # shellcheck disable=SC2086 # lists of words
  load "$(echo "$nodes" | paste -sd, -)" $DAEMONS
fi
# shellcheck disable=SC2086
[ -z "$others" ] || load "$(echo "$nodes" | grep -v -- '-control-plane$' | paste -sd, -)" $others
echo "$IMAGES" | wc -w | tr -d ' '
