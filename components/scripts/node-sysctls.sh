# Raises kernel limits on every node, never lowers one, and reads each back. Nodes of kind share the kernel of the machine
# that runs Docker, so these are that machine's limits: they outlive the cluster and are lost when it reboots.
# In: CLUSTER SYSCTLS (key=minimum, one a line)
set -eu
# With podman or nerdctl, which the user's shell may name, kind would not see the lab (kind pkg/internal/runtime/runtime.go).
export KIND_EXPERIMENTAL_PROVIDER=docker
# In the head of a loop its failure would go unseen, and no node at all would be a success.
nodes=$(kind get nodes --name "$CLUSTER")
if [ -z "$nodes" ]; then
  echo "What  Cluster \"$CLUSTER\" has no nodes" >&2
  echo "Why   Kernel limits are raised on nodes, and proven there" >&2
  echo "Fix   npm run up   (makes the cluster anew)" >&2
  exit 1
fi
for node in $nodes; do
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
