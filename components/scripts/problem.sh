# Functions that tell what went wrong.
set -eu

# In: what is wrong, why that stops the lab, what to do
problem() {
  printf 'What  %s\nWhy   %s\nFix   %s\n' "$1" "$2" "$3" >&2
  return 1
}

# The line of a program's answer that names the fault: the last one with text. Hints behind it are left out: "See …", "Run …"
# and "Usage: …" (docker/cli cli/cobra.go, cli/command/container/run.go), "View build details: …" (docker/buildx
# util/desktop/desktop.go), the label of an output (kubernetes-sigs/kind cmd/kind/app/main.go), and the exit code (docker/cli v28.0.0
# cli/command/network/remove.go). In: the answer
fault() {
  printf '%s\n' "$1" | sed -e '/^Usage: /,$d' -e "/^See '/d" -e "/^Run '.*' for more information/d" -e '/^View build details: /d' \
    -e 's/^Command Output: *//' -e '/^exit status [0-9]*$/d' -e '/^[[:space:]]*$/d' | tail -n 1
}

# Whether a step failed because a disk is full: Docker writes "no space", a shell "No space". In: the answer
disk_full() {
  case "$1" in *"o space left on device"*) ;; *) return 1 ;; esac
}

# What to do about a failure. A Docker that does not answer is a case of its own (docker/docker client/errors.go and
# client/request.go, since Docker 29 moby/moby client/request.go). In: the answer, what to do else
remedy() {
  case "$1" in
    *"annot connect to the Docker daemon"* | *"failed to connect to the docker API"* | *"permission denied while trying to connect to the "*)
      echo "npm run lab -- doctor   (tells why Docker does not answer), then run the command again"
      ;;
    *) echo "$2" ;;
  esac
}

# Runs a program that must succeed. Its stdout stays; what it says of a failure becomes part of a problem.
# In: what has failed then, why that matters, what to do, the program and its arguments
must() {
  what=$1 why=$2 fix=$3
  shift 3
  { answer=$("$@" 2>&1 >&3) || problem "$what: $(fault "$answer")" "$why" "$(remedy "$answer" "$fix")"; } 3>&1
}
