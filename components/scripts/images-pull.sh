# Brings each image into this machine's Docker. Up to four at a time. Needs image-get.sh before it.
# In: IMAGES (one a line), and what image-get.sh reads
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
