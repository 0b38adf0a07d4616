# Reconciles what may change while the cluster stays: its kubeconfig file and its marker are written again.
# Needs kind-own.sh before it.
# In: KUBECONFIG_FILE MARKER_FILE BACKEND (that of the state), and what kind-own.sh reads
set -eu
. ./components/scripts/problem.sh
require_own_cluster
umask 077
mkdir -p "$(dirname "$KUBECONFIG_FILE")"
rm -f "$KUBECONFIG_FILE.lock"
must "kind cannot write the kubeconfig of cluster \"$CLUSTER\"" "The lab reaches the cluster by it" \
  "docker ps --all --filter label=io.x-k8s.kind.cluster=$CLUSTER   (do all nodes run?), then run the command again" \
  kind export kubeconfig --name "$CLUSTER" --kubeconfig "$KUBECONFIG_FILE"
printf '%s %s %s\n' "$CLUSTER" "$NETWORK_ID" "$BACKEND" > "$MARKER_FILE"
echo "$CLUSTER"
