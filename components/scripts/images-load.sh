# Loads images from this machine into the nodes that run them.
# A node unpacks what it is given at the speed of a processor, so that the control plane gets nothing in vain.
# Needs image-get.sh before it: Docker may have lost an image since it was pulled.
# In: CLUSTER IMAGES (one a line), and what image-get.sh reads
#     DAEMONS (those of IMAGES for the control plane as well, one a line; may be empty)
#     BUILD (with the apps' image alone: folder that the lab builds it from, empty where it is a ready one)
set -eu
# With podman or nerdctl, which the user's shell may name, kind would not see the lab (kind pkg/internal/runtime/runtime.go).
export KIND_EXPERIMENTAL_PROVIDER=docker
for image in $IMAGES; do
  if [ -n "${BUILD:-}" ] && ! present "$image"; then build "$image" "$BUILD"; else get "$image"; fi
done

images_file=$(mktemp "${TMPDIR:-/tmp}/ambient-lab-images.XXXXXX")
trap 'rm -f "$images_file"' EXIT
# dash leaves without the trap above when a signal ends it.
trap 'exit 1' HUP INT TERM
# In: nodes (with a comma between them), images
load() {
  nodes=$1
  shift
  fix="npm run lab -- config set imageSource pull   (the nodes then pull the images)"
  # The apps' image is loaded with either imageSource.
  [ -z "${BUILD+set}" ] || fix="docker image rm --force $1   (the next up gets it again)"
  if said=$(save "$images_file" "The nodes load their images from it" "$fix" "$@" 2>&1); then
    import
  elif disk_full "$said" || ! containerd_store; then
    printf '%s\n' "$said" >&2
    return 1
  elif [ $# -gt 1 ]; then
    # containerd's store may lack layers of one image that came with another one (containerd/containerd#8973).
    for image in "$@"; do load "$nodes" "$image"; done
  else
    nodes_pull "$1" || { printf '%s\n' "$said" >&2 && return 1; }
  fi
}

# Lets the nodes pull an image that Docker cannot write. Of the images that the lab builds no registry has one. In: the image
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
      fix="npm run up -- --stack ${CLUSTER#ambient-lab-}   (brings a kind that knows the nodes' containerd)"
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
