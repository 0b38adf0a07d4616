# Gets each image into the Docker of this machine, up to four at a time. Runs after image-get.sh.
# In: IMAGES (one a line), and the inputs of image-get.sh
set -eu
failed=0
running=""
for image in $IMAGES; do
  get "$image" &
  running="$running $!"
  # shellcheck disable=SC2086 # a list of process ids
  set -- $running
  if [ $# -ge 4 ]; then
    wait "$1" || failed=1
    shift
    running=$*
  fi
done
for pid in $running; do wait "$pid" || failed=1; done
[ "$failed" -eq 0 ]
echo "$IMAGES" | wc -w | tr -d ' '
