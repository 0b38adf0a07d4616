# Raises kernel limits on every node, never lowers one, and reads each back. Nodes of kind share the kernel of the machine
# that runs Docker, so these are that machine's limits: they outlive the cluster and are lost when it reboots.
# In: CLUSTER SYSCTLS (key=minimum, one a line)
set -eu
for node in $(kind get nodes --name "$CLUSTER"); do
  printf '%s\n' "$SYSCTLS" | while IFS='=' read -r key minimum; do
    before=$(docker exec "$node" sysctl -n "$key")
    if ! [ "$before" -ge "$minimum" ]; then
      docker exec "$node" sysctl -w "$key=$minimum" >/dev/null || true
    fi
    now=$(docker exec "$node" sysctl -n "$key")
    if ! [ "$now" -ge "$minimum" ]; then
      echo "What  Node \"$node\" has $key = $now, below $minimum, and refuses to raise it" >&2
      echo "Why   With less, istio-cni, ztunnel and kubelet fail with \"too many open files\"" >&2
      echo "Fix   sudo sysctl -w $key=$minimum   (on the machine that runs Docker)" >&2
      exit 1
    fi
    echo "$node $key $before -> $now"
  done
done
