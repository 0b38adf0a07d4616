# Functions that run programs and report failures.
set -eu

# Prints an error message and fails. In: What, Why, Fix
problem() {
  printf 'What  %s\nWhy   %s\nFix   %s\n' "$1" "$2" "$3" >&2
  return 1
}

# Prints the line of a program's output that names the error: the last line with text, without the hints that follow it: "See …",
# "Run …" and "Usage: …" (docker/cli cli/cobra.go, cli/command/container/run.go), "View build details: …" (docker/buildx
# util/desktop/desktop.go), the label of an output (kubernetes-sigs/kind cmd/kind/app/main.go), and the exit code (docker/cli v28.0.0
# cli/command/network/remove.go). In: the output
fault() {
  printf '%s\n' "$1" | sed -e '/^Usage: /,$d' -e "/^See '/d" -e "/^Run '.*' for more information/d" -e '/^View build details: /d' \
    -e 's/^Command Output: *//' -e '/^exit status [0-9]*$/d' -e '/^[[:space:]]*$/d' | tail -n 1
}

# Whether a step failed because a disk is full: Docker prints "no space", a shell "No space". In: the output
disk_full() {
  case "$1" in *"o space left on device"*) ;; *) return 1 ;; esac
}

# Prints the Fix of a failure. If the Docker server cannot be reached, the Fix is "doctor" (docker/docker client/errors.go and
# client/request.go, since Docker 29 moby/moby client/request.go). In: the output, the Fix for other failures
remedy() {
  case "$1" in
    *"annot connect to the Docker daemon"* | *"failed to connect to the docker API"* | *"permission denied while trying to connect to the "*)
      echo "npm run lab -- doctor   (shows why Docker does not answer), then run the command again"
      ;;
    *) echo "$2" ;;
  esac
}

# Runs a program that must succeed. Its stdout is passed on; on failure, its stderr is part of the error message.
# In: What, Why and Fix of the error message; the program and its arguments
must() {
  what=$1 why=$2 fix=$3
  shift 3
  { answer=$("$@" 2>&1 >&3) || problem "$what: $(fault "$answer")" "$why" "$(remedy "$answer" "$fix")"; } 3>&1
}
