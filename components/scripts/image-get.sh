# Functions that bring an image into this machine's Docker: from a bundle, from a registry's mirror, from the registry.
# In: MIRRORS (registry=url, one a line, may be empty) BUNDLE (folder of "lab bundle", may be empty)
#     PLATFORM (os/arch, empty: Docker's own)
set -eu

problem() {
  printf 'What  %s\nWhy   %s\nFix   %s\n' "$1" "$2" "$3" >&2
  return 1
}

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

# A tag alone will do where the image cannot have come with its digest: archives and mirrors' copies have none.
present() {
  for reference in "$1" "${1%@*}"; do
    [ "$reference" = "$1" ] || [ -n "$BUNDLE$MIRRORS" ] || continue
    found=$(docker image inspect --format '{{.Os}}/{{.Architecture}}' "$reference" 2>/dev/null) || continue
    [ "$found" = "${PLATFORM:-$found}" ] && return 0
  done
  return 1
}

# Path of an image's archive inside a bundle.
archive_of() {
  printf 'images/%s.tar' "$(printf '%s' "${1%@*}" | tr '/:' '__')"
}

in_bundle() {
  [ -n "$BUNDLE" ] && [ -f "$BUNDLE/$(archive_of "$1")" ]
}

load_archive() {
  archive=$(archive_of "$1")
  sums=sha256sum
  command -v sha256sum >/dev/null || sums="shasum -a 256"
  (cd "$BUNDLE" && grep -F "  $archive" SHA256SUMS | $sums -c - >/dev/null 2>&1) || {
    problem "\"$BUNDLE/$archive\" is not what SHA256SUMS of the bundle promises" \
      "It was cut or changed on its way, and what is in it would run in the lab" \
      "npm run lab -- bundle \"$BUNDLE\"   (with a network; fetches what is damaged again)"
    return 1
  }
  answer=$(docker load --quiet --input "$BUNDLE/$archive" 2>&1) || {
    problem "Docker cannot load \"$BUNDLE/$archive\": $(printf '%s' "$answer" | tail -n 1)" \
      "The lab runs the image in it" "docker system df   (is there room?), then up again"
    return 1
  }
  docker_is=$(docker version --format '{{.Server.Os}}/{{.Server.Arch}}')
  image_is=$(docker image inspect --format '{{.Os}}/{{.Architecture}}' "${1%@*}" 2>/dev/null || echo "another image")
  [ "$image_is" = "$docker_is" ] || problem "\"$BUNDLE/$archive\" holds $image_is, and Docker runs $docker_is" \
    "A bundle is for one platform" "npm run lab -- bundle DIR --platform $docker_is   (with a network)"
}

# Says what Docker's answer means for the one who reads it. In: the address, the answer
explain() {
  said=$(printf '%s' "$2" | tail -n 1)
  mirror="pulumi config set --path 'imageMirrors[0]' $(in_full "$1" | cut -d/ -f1)=https://MIRROR"
  offline="npm run lab -- bundle DIR   (where there is a network), then: pulumi config set artifactSource DIR"
  why="The lab loads it into the nodes"
  case "$2" in
    *toomanyrequests* | *"rate limit"* | *"Too Many Requests"*)
      why="The registry limits how much one address may pull, and the limit is used up"
      fix="docker login   (has a higher limit), or: $mirror"
      ;;
    *"Proxy Authentication Required"*)
      why="The proxy between Docker and the registry wants to know who asks; Docker has settings of its own for that"
      fix="Put http://NAME:SECRET@PROXY into the Docker daemon's proxy settings   (docs/offline.md)"
      ;;
    *x509* | *"certificate"*)
      why="Docker does not trust the certificate: a proxy or mirror with a private CA stands in between"
      fix="Put the CA into /etc/docker/certs.d/REGISTRY/ca.crt or the system's store   (docs/offline.md)"
      ;;
    *"no matching manifest"*)
      why="The registry has this image for other platforms only"
      fix="Name a mirror that has it: $mirror"
      ;;
    *"failed to verify"* | *"verification failed"* | *"unexpected digest"* | *"digest mismatch"* | *"does not match"*)
      why="What came is not what was promised: it was cut or changed on its way, or the mirror is damaged"
      fix="Run it again; if it stays, take another mirror: $mirror"
      ;;
    *"no such host"* | *"i/o timeout"* | *"connection refused"* | *"unreachable"* | *"Timeout"* | *"deadline exceeded"*)
      why="Docker does not reach the registry"
      fix="$offline; or: $mirror"
      ;;
    *) fix="docker pull $1   (an image that the lab builds: pulumi up --replace its docker.Image), or: $mirror" ;;
  esac
  problem "Cannot pull \"$1\"${said:+: $said}" "$why" "$fix"
}

# Brings one image, unless it is there.
get() {
  ! present "$1" || return 0
  if in_bundle "$1"; then
    load_archive "$1"
    return
  fi
  from=$(mirrored "$1")
  # shellcheck disable=SC2086 # an option or nothing
  if answer=$(docker pull --quiet ${PLATFORM:+--platform=$PLATFORM} "${from:-$1}" 2>&1); then
    [ -z "$from" ] || docker tag "$from" "${1%@*}"
    return 0
  fi
  explain "${from:-$1}" "$answer"
}
