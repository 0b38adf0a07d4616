# Raises kernel limits on every node, never lowers them, and reads them back. kind nodes share the kernel of the machine that
# runs Docker, so the limits are those of the machine: they remain after the cluster is deleted, until the machine reboots.
# In: CLUSTER SYSCTLS (key=minimum, one a line)
set -eu
. ./components/scripts/problem.sh
# The user's shell may select podman or nerdctl, with which kind does not find the lab (kind pkg/internal/runtime/runtime.go).
export KIND_EXPERIMENTAL_PROVIDER=docker
# A failure in the head of a loop would be ignored, and an empty list would be a success.
check_nodes="docker ps --all --filter label=io.x-k8s.kind.cluster=$CLUSTER   (do all nodes run?), then run the command again"
nodes=$(must "kind does not list the nodes of cluster \"$CLUSTER\"" "The lab raises kernel limits on the nodes" \
  "$check_nodes" kind get nodes --name "$CLUSTER")
[ -n "$nodes" ] || problem "Cluster \"$CLUSTER\" has no nodes" "The lab raises kernel limits on the nodes" \
  "npm run up   (creates the cluster again)"

# Prints the value of a key on a node. In: the node, the key
value() {
  must "Cannot read $2 on node \"$1\"" "With a low limit istio-cni, ztunnel and kubelet fail with \"too many open files\"" \
    "$check_nodes" docker exec "$1" sysctl -n "$2"
}
for node in $nodes; do
  printf '%s\n' "$SYSCTLS" | while IFS='=' read -r key minimum; do
    before=$(value "$node" "$key")
    answer=""
    if ! [ "$before" -ge "$minimum" ]; then
      answer=$(docker exec "$node" sysctl -w "$key=$minimum" 2>&1) || true
    fi
    now=$(value "$node" "$key")
    if ! [ "$now" -ge "$minimum" ]; then
      said=$(fault "$answer")
      problem "Node \"$node\" has $key = $now, below $minimum, and cannot raise it${said:+: $said}" \
        "With a lower limit, istio-cni, ztunnel and kubelet fail with \"too many open files\"" \
        "sudo sysctl -w $key=$minimum   (on the machine that runs Docker)"
    fi
    echo "$node $key $before -> $now"
  done
done
