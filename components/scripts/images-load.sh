# Loads images from this machine into the nodes that run them.
# Unpacking an image uses a CPU of the node, so the control plane gets only the images that it runs.
# Runs after image-get.sh: an image may have been removed from Docker after the pull.
# In: CLUSTER IMAGES (one a line), and the inputs of image-get.sh
#     DAEMONS (images of IMAGES that the control plane runs as well, one a line; may be empty)
#     BUILD (for the image of the applications only: folder of its Dockerfile; empty when the image is not built)
set -eu
# The user's shell may select podman or nerdctl, with which kind does not find the lab (kind pkg/internal/runtime/runtime.go).
export KIND_EXPERIMENTAL_PROVIDER=docker
for image in $IMAGES; do
  if [ -n "${BUILD:-}" ] && ! present "$image"; then build "$image" "$BUILD"; else get "$image"; fi
done

images_file=$(mktemp "${TMPDIR:-/tmp}/ambient-lab-images.XXXXXX")
trap 'rm -f "$images_file"' EXIT
# dash does not run the EXIT trap when a signal terminates it.
trap 'exit 1' HUP INT TERM
# Loads images into nodes. In: the nodes, separated by commas; the images
load() {
  nodes=$1
  shift
  fix="npm run lab -- config set imageSource pull   (the nodes then pull the images)"
  # The image of the applications is loaded with both values of imageSource.
  [ -z "${BUILD+set}" ] || fix="docker image rm --force $1   (the next up gets it again)"
  if said=$(save "$images_file" "The nodes load their images from it" "$fix" "$@" 2>&1); then
    import
  elif disk_full "$said" || ! containerd_store; then
    printf '%s\n' "$said" >&2
    return 1
  elif [ $# -gt 1 ]; then
    # The containerd image store may lack layers that two images share (containerd/containerd#8973).
    for image in "$@"; do load "$nodes" "$image"; done
  else
    nodes_pull "$1" || { printf '%s\n' "$said" >&2 && return 1; }
  fi
}

# Pulls an image on the nodes when Docker cannot export it. No registry has the image that the lab builds. In: the image
nodes_pull() {
  [ -z "${BUILD:-}" ] || return 1
  for node in $(echo "$nodes" | tr , ' '); do
    docker exec "$node" crictl pull "$1" >&2 || return 1
  done
}

# Loads the archive into the nodes.
import() {
  answer=$(kind load image-archive "$images_file" --name "$CLUSTER" --nodes "$nodes" 2>&1) && return 0
  fix="docker ps --all --filter label=io.x-k8s.kind.cluster=$CLUSTER   (do all nodes run?), then run the command again"
  case "$answer" in
    *"unknown containerd config version"*)
      fix="npm run up -- --stack ${CLUSTER#ambient-lab-}   (installs a kind that supports the containerd of the nodes)"
      ;;
  esac
  ! disk_full "$answer" || fix="docker system df   (make room for Docker, then run the command again)"
  problem "kind cannot load images into the nodes: $(fault "$answer")" "The nodes run them without a registry" "$fix"
}
nodes=$(must "kind does not list the nodes of cluster \"$CLUSTER\"" "Images are loaded into the nodes" \
  "docker ps --all --filter label=io.x-k8s.kind.cluster=$CLUSTER   (do all nodes run?), then run the command again" \
  kind get nodes --name "$CLUSTER")
nodes=$(echo "$nodes" | sort)
others=$IMAGES
if [ -n "${DAEMONS:-}" ]; then
  others=$(echo "$IMAGES" | grep -vxF -- "$DAEMONS" || true)
  # shellcheck disable=SC2086 # lists of words
  load "$(echo "$nodes" | paste -sd, -)" $DAEMONS
fi
# shellcheck disable=SC2086
[ -z "$others" ] || load "$(echo "$nodes" | grep -v -- '-control-plane$' | paste -sd, -)" $others
echo "$IMAGES" | wc -w | tr -d ' '
