# Raises kernel limits on every node, never lowers one, and reads each back. Nodes of kind share the kernel of the machine
# that runs Docker, so these are that machine's limits: they outlive the cluster and are lost when it reboots.
# In: CLUSTER SYSCTLS (key=minimum, one a line)
set -eu
. ./components/scripts/problem.sh
# With podman or nerdctl, which the user's shell may name, kind would not see the lab (kind pkg/internal/runtime/runtime.go).
export KIND_EXPERIMENTAL_PROVIDER=docker
# In the head of a loop its failure would go unseen, and no node at all would be a success.
look="docker ps --all --filter label=io.x-k8s.kind.cluster=$CLUSTER   (do all nodes run?), then run the command again"
nodes=$(must "kind does not list the nodes of cluster \"$CLUSTER\"" "Kernel limits are raised on nodes, and proven there" \
  "$look" kind get nodes --name "$CLUSTER")
[ -n "$nodes" ] || problem "Cluster \"$CLUSTER\" has no nodes" "Kernel limits are raised on nodes, and proven there" \
  "npm run up   (makes the cluster anew)"

# Value of a key on a node. In: node, key
value() {
  must "Cannot read $2 on node \"$1\"" "With a low limit istio-cni, ztunnel and kubelet fail with \"too many open files\"" \
    "$look" docker exec "$1" sysctl -n "$2"
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
      problem "Node \"$node\" has $key = $now, below $minimum, and refuses to raise it${said:+: $said}" \
        "With less, istio-cni, ztunnel and kubelet fail with \"too many open files\"" \
        "sudo sysctl -w $key=$minimum   (on the machine that runs Docker)"
    fi
    echo "$node $key $before -> $now"
  done
done
