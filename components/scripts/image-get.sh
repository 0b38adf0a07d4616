# Functions that bring an image into this machine's Docker (from a bundle, from a registry's mirror or cache, from the
# registry, by a build) and write images to an archive.
# In: MIRRORS (registry=url, one a line, may be empty) BUNDLE (folder of "lab bundle", may be empty)
#     CACHES (registry=url, one a line, may be empty: those that a container of this machine caches)
#     PLATFORM (os/arch, empty: the server's)
# The working directory is the project's folder.
set -eu
. ./components/scripts/problem.sh
# From the user's shell docker and kind would take another platform than Docker's own (docker/cli cli/command/image/pull.go).
unset DOCKER_DEFAULT_PLATFORM
# Pull, build and save get one platform by name: each has a default of its own, and an image may be there for another one.
[ -n "${PLATFORM:-}" ] || PLATFORM=$(must "Docker does not tell its platform" "Images are got for one platform" \
  "docker version   (must succeed), then run the command again" docker version --format '{{.Server.Os}}/{{.Server.Arch}}')

# Registry and path of an image in full: "kindest/node:1" is "docker.io/kindest/node:1".
in_full() {
  case "${1%%/*}" in
    "$1") echo "docker.io/library/$1" ;;
    *.* | *:* | localhost) echo "$1" ;;
    *) echo "docker.io/$1" ;;
  esac
}

# Address of an image at its registry's mirror, or nothing where there is none.
mirrored() {
  full=$(in_full "$1")
  printf '%s\n' "$MIRRORS" | while IFS='=' read -r registry url; do
    case "$full" in "$registry"/*) [ -z "$registry" ] || echo "${url#*://}/${full#"$registry"/}" ;; esac
  done | head -n 1
}

# Container that caches a registry, for all labs of this machine.
cache_name() {
  printf 'ambient-lab-cache-%s' "$1"
}

# Address of an image at its registry's cache, or nothing where none runs.
cached() {
  full=$(in_full "$1")
  printf '%s\n' "$CACHES" | while IFS='=' read -r registry _; do
    case "$full" in "${registry:-none}"/*) ;; *) continue ;; esac
    at=$(docker port "$(cache_name "$registry")" 5000/tcp 2>/dev/null | head -n 1)
    [ -z "$at" ] || echo "$at/${full#"$registry"/}"
  done
}

# Whether Docker has an image, for the platform. A copy from a mirror, a cache or an archive has the tag alone: it counts
# for a digest when it is proven to be what the digest names.
present() {
  for reference in "$1" "${1%@*}"; do
    [ "$reference" = "$1" ] || is_copy "$1" || continue
    found=$(docker image inspect --format '{{.Os}}/{{.Architecture}}' "$reference" 2>/dev/null) || continue
    [ "$found" = "$PLATFORM" ] && return 0
  done
  return 1
}

# Whether the tag of an image with a digest is the image of that digest: Docker pulled it by the digest, from whichever
# address, or it is what the bundle's archive holds. In: the image
is_copy() {
  tag=${1%@*}
  docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$tag" 2>/dev/null | grep -q "@${1#*@}\$" && return 0
  in_bundle "$1" || return 1
  id=$(docker image inspect --format '{{.Id}}' "$tag" 2>/dev/null) || return 1
  # The id is the digest of the image's configuration, or of its manifest in Docker's containerd image store.
  promised "$1" && tar -xOf "$BUNDLE/$(archive_of "$1")" manifest.json index.json 2>/dev/null | grep -q "${id#sha256:}"
}

# Path of an image's archive inside a bundle.
archive_of() {
  printf 'images/%s.tar' "$(printf '%s' "${1%@*}" | tr '/:' '__')"
}

in_bundle() {
  [ -n "$BUNDLE" ] && [ -f "$BUNDLE/$(archive_of "$1")" ]
}

# Whether an image's archive is what SHA256SUMS of the bundle promises.
promised() {
  sums=sha256sum
  command -v sha256sum >/dev/null || sums="shasum -a 256"
  (cd "$BUNDLE" && grep -F "  $(archive_of "$1")" SHA256SUMS | $sums -c - >/dev/null 2>&1)
}

load_archive() {
  archive=$(archive_of "$1")
  promised "$1" || {
    problem "\"$BUNDLE/$archive\" is not what SHA256SUMS of the bundle promises" \
      "It was cut or changed on its way, and what is in it would run in the lab" \
      "npm run lab -- bundle \"$BUNDLE\"   (with a network; fetches what is damaged again)"
    return 1
  }
  # Docker from snap cannot open every file that this shell can.
  answer=$(docker load --quiet <"$BUNDLE/$archive" 2>&1) || {
    fix="docker load <\"$BUNDLE/$archive\"   (must succeed), then run the command again"
    ! disk_full "$answer" || fix="docker system df   (make room for Docker, then run the command again)"
    problem "Docker cannot load \"$BUNDLE/$archive\": $(fault "$answer")" "The lab runs the image in it" "$fix"
    return 1
  }
  image_is=$(docker image inspect --format '{{.Os}}/{{.Architecture}}' "${1%@*}" 2>/dev/null || echo "another image")
  [ "$image_is" = "$PLATFORM" ] || problem "\"$BUNDLE/$archive\" holds $image_is, and Docker runs $PLATFORM" \
    "A bundle is for one platform" "npm run lab -- bundle DIR --platform $PLATFORM   (with a network)"
}

# Says what Docker's answer means for the one who reads it. In: the address, the answer
explain() {
  said=$(fault "$2")
  registry=$(in_full "$1" | cut -d/ -f1)
  others=$(printf '%s\n' "$MIRRORS" | sed -e "/^$registry=/d" -e '/^$/d' -e 's/$/, /' | tr -d '\n')
  mirror="npm run lab -- config set imageMirrors '[$others$registry=https://MIRROR]'"
  offline="npm run lab -- bundle DIR   (where there is a network), then: npm run lab -- config set artifactSource DIR"
  why="The lab loads it into the nodes"
  case "$2" in
    *toomanyrequests* | *"rate limit"* | *"Too Many Requests"*)
      why="The registry limits how much one address may pull, and the limit is used up"
      fix="docker login   (has a higher limit), or: $mirror"
      ;;
    *"error getting credentials"* | *"docker-credential-"*)
      why="docker asks a program for credentials, for public images as well, and the program is not there or fails"
      fix="Remove \"credsStore\" from \"${DOCKER_CONFIG:-$HOME/.docker}/config.json\"   (\"npm run lab -- doctor\" names the program)"
      ;;
    *"Proxy Authentication Required"*)
      why="The proxy between Docker and the registry wants to know who asks; Docker has settings of its own for that"
      fix="Put http://NAME:SECRET@PROXY into the Docker daemon's proxy settings   (docs/how-to/work-offline.md)"
      ;;
    *x509* | *"certificate"*)
      why="Docker does not trust the certificate: a proxy or mirror with a private CA stands in between"
      fix="Put the CA into /etc/docker/certs.d/REGISTRY/ca.crt or the system's store   (docs/how-to/work-offline.md)"
      ;;
    *"no matching manifest"*)
      why="The registry has this image for other platforms only"
      fix="Name a mirror that has it: $mirror"
      ;;
    *"failed to verify"* | *"verification failed"* | *"unexpected digest"* | *"digest mismatch"* | *"does not match"*)
      why="What came is not what was promised: it was cut or changed on its way, or the mirror is damaged"
      fix="Run it again; if it stays, take another mirror: $mirror"
      ;;
    *"no such host"* | *"server misbehaving"* | *"name resolution"* | *"i/o timeout"* | *"connection refused"* | *"unreachable"* | *"Timeout"* | *"deadline exceeded"*)
      why="Docker does not reach the registry"
      fix="$offline; or: $mirror"
      ;;
    *) fix="docker pull $1   (tells the reason), or: $mirror" ;;
  esac
  # A bundle is there so that no registry is needed: what it lacks is the reason, and not the registry.
  if [ -n "$BUNDLE" ] && [ -d "$BUNDLE/images" ]; then
    why="\"$BUNDLE\" has no $(archive_of "$1"), so a registry was asked"
    fix="npm run lab -- bundle \"$BUNDLE\"   (with a network; fetches what it lacks)"
  fi
  problem "Cannot pull \"$1\"${said:+: $said}" "$why" "$fix"
}

# Pulls an image from another address than its own, and gives it its own name. In: the image, the address
pull_from() {
  answer=$(docker pull --quiet "--platform=$PLATFORM" "$2" 2>&1) || return 1
  docker tag "$2" "${1%@*}"
}

# Brings one image, unless it is there.
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

# Builds the lab's own image. The docker program adds the proxies of ~/.docker/config.json by itself; those of the shell come
# before them, except a proxy that only this machine can reach. In: the image, the folder of its Dockerfile
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
  problem "Cannot build \"$image\" from $folder: $(fault "$answer")" "The apps of the lab run it, and no registry has it" "$fix"
}

# Whether Docker keeps images in containerd's store, the default of Docker 29.
containerd_store() {
  docker info --format '{{.DriverStatus}}' | grep -q 'io.containerd.snapshotter'
}

# Writes images to one archive that holds a single platform: Docker's containerd image store would name other platforms'
# layers that it does not have (kubernetes-sigs/kind#3795).
# In: the archive's file, why it is written, what to do when the cause is not known, images
save() {
  file=$1 why=$2 fix=$3
  shift 3
  only=""
  ! containerd_store || only="--platform=$PLATFORM"
  # Docker from snap has a private /tmp and would write the file there.
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
