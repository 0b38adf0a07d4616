# Functions that get an image into the Docker of this machine (from a bundle, from a registry's mirror or cache, from the
# registry, or by a build), and that write images to an archive.
# In: MIRRORS (registry=url, one a line, may be empty) BUNDLE (folder of "lab bundle", may be empty)
#     CACHES (registry=url of the registries with a cache on this machine, one a line, may be empty)
#     PLATFORM (os/arch; empty for the platform of the Docker server)
# The working directory is the project's folder.
set -eu
. ./components/scripts/problem.sh
# With this variable, docker and kind would use another platform than the Docker server's (docker/cli cli/command/image/pull.go).
unset DOCKER_DEFAULT_PLATFORM
# The commands pull, build and save get an explicit platform: their defaults differ, and Docker may have an image of another one.
[ -n "${PLATFORM:-}" ] || PLATFORM=$(must "Docker does not report its platform" "Images are pulled for one platform" \
  "docker version   (must succeed), then run the command again" docker version --format '{{.Server.Os}}/{{.Server.Arch}}')

# Prints the full reference of an image: "kindest/node:1" is "docker.io/kindest/node:1".
in_full() {
  case "${1%%/*}" in
    "$1") echo "docker.io/library/$1" ;;
    *.* | *:* | localhost) echo "$1" ;;
    *) echo "docker.io/$1" ;;
  esac
}

# Prints the address of an image at the mirror of its registry; prints nothing without a mirror.
mirrored() {
  full=$(in_full "$1")
  printf '%s\n' "$MIRRORS" | while IFS='=' read -r registry url; do
    case "$full" in "$registry"/*) [ -z "$registry" ] || echo "${url#*://}/${full#"$registry"/}" ;; esac
  done | head -n 1
}

# Prints the name of the container that caches a registry, for all labs of this machine.
cache_name() {
  printf 'ambient-lab-cache-%s' "$1"
}

# Prints the address of an image at the cache of its registry; prints nothing when no cache runs.
cached() {
  full=$(in_full "$1")
  printf '%s\n' "$CACHES" | while IFS='=' read -r registry _; do
    case "$full" in "${registry:-none}"/*) ;; *) continue ;; esac
    at=$(docker port "$(cache_name "$registry")" 5000/tcp 2>/dev/null | head -n 1)
    [ -z "$at" ] || echo "$at/${full#"$registry"/}"
  done
}

# Whether Docker has an image for the platform. An image from a mirror, a cache or an archive has only the tag: it is accepted
# for a reference with a digest only if is_copy confirms the digest.
present() {
  for reference in "$1" "${1%@*}"; do
    [ "$reference" = "$1" ] || is_copy "$1" || continue
    found=$(docker image inspect --format '{{.Os}}/{{.Architecture}}' "$reference" 2>/dev/null) || continue
    [ "$found" = "$PLATFORM" ] && return 0
  done
  return 1
}

# Whether the image with the tag of a reference has the digest of the reference: Docker pulled it by this digest, from any
# address, or it is the image in the bundle's archive. In: the image
is_copy() {
  tag=${1%@*}
  docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$tag" 2>/dev/null | grep -q "@${1#*@}\$" && return 0
  in_bundle "$1" || return 1
  id=$(docker image inspect --format '{{.Id}}' "$tag" 2>/dev/null) || return 1
  # The ID is the digest of the image's configuration, or of its manifest with Docker's containerd image store.
  promised "$1" && tar -xOf "$BUNDLE/$(archive_of "$1")" manifest.json index.json 2>/dev/null | grep -q "${id#sha256:}"
}

# Prints the path of an image's archive in a bundle.
archive_of() {
  printf 'images/%s.tar' "$(printf '%s' "${1%@*}" | tr '/:' '__')"
}

in_bundle() {
  [ -n "$BUNDLE" ] && [ -f "$BUNDLE/$(archive_of "$1")" ]
}

# Whether an image's archive has the checksum in SHA256SUMS of the bundle.
promised() {
  sums=sha256sum
  command -v sha256sum >/dev/null || sums="shasum -a 256"
  (cd "$BUNDLE" && grep -F "  $(archive_of "$1")" SHA256SUMS | $sums -c - >/dev/null 2>&1)
}

load_archive() {
  archive=$(archive_of "$1")
  promised "$1" || {
    problem "\"$BUNDLE/$archive\" does not match SHA256SUMS of the bundle" \
      "It was truncated or changed, and the lab would run the image in it" \
      "npm run lab -- bundle \"$BUNDLE\"   (with a network; downloads damaged files again)"
    return 1
  }
  # Docker from snap has no access to some files that this shell can read.
  answer=$(docker load --quiet <"$BUNDLE/$archive" 2>&1) || {
    fix="docker load <\"$BUNDLE/$archive\"   (must succeed), then run the command again"
    ! disk_full "$answer" || fix="docker system df   (make room for Docker, then run the command again)"
    problem "Docker cannot load \"$BUNDLE/$archive\": $(fault "$answer")" "The lab runs the image in it" "$fix"
    return 1
  }
  image_is=$(docker image inspect --format '{{.Os}}/{{.Architecture}}' "${1%@*}" 2>/dev/null || echo "another image")
  [ "$image_is" = "$PLATFORM" ] || problem "\"$BUNDLE/$archive\" holds an image for $image_is, and Docker runs $PLATFORM" \
    "A bundle is for one platform" "npm run lab -- bundle DIR --platform $PLATFORM   (with a network)"
}

# Reports a failed pull with its cause and a fix. In: the address, the error message of Docker
explain() {
  said=$(fault "$2")
  registry=$(in_full "$1" | cut -d/ -f1)
  others=$(printf '%s\n' "$MIRRORS" | sed -e "/^$registry=/d" -e '/^$/d' -e 's/$/, /' | tr -d '\n')
  mirror="npm run lab -- config set imageMirrors '[$others$registry=https://MIRROR]'"
  offline="npm run lab -- bundle DIR   (where there is a network), then: npm run lab -- config set artifactSource DIR"
  why="The lab loads it into the nodes"
  case "$2" in
    *toomanyrequests* | *"rate limit"* | *"Too Many Requests"*)
      why="The registry limits the pulls of each IP address, and the limit is reached"
      fix="docker login   (has a higher limit), or: $mirror"
      ;;
    *"error getting credentials"* | *"docker-credential-"*)
      why="docker runs a credential helper, also for public images, and the helper is not installed or fails"
      fix="Remove \"credsStore\" from \"${DOCKER_CONFIG:-$HOME/.docker}/config.json\"   (\"npm run lab -- doctor\" names the helper)"
      ;;
    *"Proxy Authentication Required"*)
      why="The proxy between Docker and the registry requires credentials; the Docker daemon has its own proxy settings"
      fix="Put http://NAME:SECRET@PROXY into the Docker daemon's proxy settings   (docs/how-to/work-offline.md)"
      ;;
    *x509* | *"certificate"*)
      why="Docker does not trust the certificate: a proxy or mirror with a private CA is in the path"
      fix="Put the CA into /etc/docker/certs.d/REGISTRY/ca.crt or the system's store   (docs/how-to/work-offline.md)"
      ;;
    *"no matching manifest"*)
      why="The registry has this image for other platforms only"
      fix="Use a mirror that has it: $mirror"
      ;;
    *"failed to verify"* | *"verification failed"* | *"unexpected digest"* | *"digest mismatch"* | *"does not match"*)
      why="The content does not have the expected digest: it was truncated or changed in transit, or the mirror is damaged"
      fix="Run the command again; if it fails again, use another mirror: $mirror"
      ;;
    *"no such host"* | *"server misbehaving"* | *"name resolution"* | *"i/o timeout"* | *"connection refused"* | *"unreachable"* | *"Timeout"* | *"deadline exceeded"*)
      why="Docker cannot reach the registry"
      fix="$offline; or: $mirror"
      ;;
    *) fix="docker pull $1   (shows the reason), or: $mirror" ;;
  esac
  # With a bundle no registry is needed: the cause is the missing archive, and not the registry.
  if [ -n "$BUNDLE" ] && [ -d "$BUNDLE/images" ]; then
    why="\"$BUNDLE\" has no $(archive_of "$1"), so the registry was used"
    fix="npm run lab -- bundle \"$BUNDLE\"   (with a network; downloads the missing files)"
  fi
  problem "Cannot pull \"$1\"${said:+: $said}" "$why" "$fix"
}

# Pulls an image from another address, and tags it with its own name. In: the image, the address
pull_from() {
  answer=$(docker pull --quiet "--platform=$PLATFORM" "$2" 2>&1) || return 1
  docker tag "$2" "${1%@*}"
}

# Gets one image, unless Docker has it.
get() {
  ! present "$1" || return 0
  if in_bundle "$1"; then
    load_archive "$1"
    return
  fi
  from=$(mirrored "$1")
  if [ -n "$from" ]; then
    pull_from "$1" "$from" || explain "$from" "$answer"
    return
  fi
  # A cache that fails hides what its registry said: then that is asked, and its answer counts.
  from=$(cached "$1")
  if [ -n "$from" ] && pull_from "$1" "$from"; then
    # The port in this name is another one after Docker's next start; the image has its own name by now.
    docker rmi "$from" >/dev/null 2>&1 || true
    return 0
  fi
  answer=$(docker pull --quiet "--platform=$PLATFORM" "$1" 2>&1) || explain "$1" "$answer"
}

# Builds the lab's own image. The docker CLI passes the proxies of ~/.docker/config.json; the proxies of the shell have priority,
# except a proxy on the loopback address, which a build cannot reach. In: the image, the folder of its Dockerfile
build() {
  image=$1 folder=$2
  set --
  for name in HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy; do
    case "$name=$(printenv "$name" || true)" in
      *=) ;;
      *//127.* | *//localhost* | *//"[::1]"* | *@127.* | *@localhost* | *@"[::1]"*) ;;
      *) set -- "$@" --build-arg "$name" ;;
    esac
  done
  bases=$(sed -n 's/^ARG \([A-Z]*=[^ ]*\)$/\1/p' "$folder/Dockerfile")
  for base in $bases; do
    from=$(mirrored "${base#*=}")
    [ -z "$from" ] || set -- "$@" --build-arg "${base%%=*}=$from"
  done
  answer=$(docker build --quiet --platform "$PLATFORM" "$@" --tag "$image" "$folder" 2>&1) && return 0
  printf '%s\n' "$answer" >&2
  fix="docker build --tag $image $folder   (shows why), then run the command again"
  ! disk_full "$answer" || fix="docker system df   (make room for Docker, then run the command again)"
  problem "Cannot build \"$image\" from $folder: $(fault "$answer")" "The applications of the lab run this image, and no registry has it" "$fix"
}

# Whether Docker uses the containerd image store, the default of Docker 29.
containerd_store() {
  docker info --format '{{.DriverStatus}}' | grep -q 'io.containerd.snapshotter'
}

# Writes images to one archive for a single platform: otherwise, with the containerd image store, the archive refers to layers
# of other platforms that Docker does not have (kubernetes-sigs/kind#3795).
# In: the archive's file, the Why and the default Fix of a failure, the images
save() {
  file=$1 why=$2 fix=$3
  shift 3
  only=""
  ! containerd_store || only="--platform=$PLATFORM"
  # Docker from snap has a private /tmp, and with --output it would write the file there.
  # shellcheck disable=SC2086 # an option or nothing
  answer=$( { docker save $only "$@" >"$file"; } 2>&1) && return 0
  case "$answer" in
    *"unknown flag: --platform"* | *"requires API version"*)
      fix="Update Docker to 28 or later, its client and its server, or switch its containerd image store off   (npm run lab -- doctor)"
      ;;
  esac
  ! disk_full "$answer" ||
    fix="docker system df; df -h \"$(dirname "$file")\"   (make room, then run the command again)"
  problem "Docker cannot write an archive of images: $(fault "$answer")" "$why" "$fix"
}
