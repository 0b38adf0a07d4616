# Writes the kubeconfig file and the marker again, for changes that do not replace the cluster.
# Runs after kind-own.sh.
# In: KUBECONFIG_FILE MARKER_FILE BACKEND (of the state), and the inputs of kind-own.sh
set -eu
. ./components/scripts/problem.sh
require_own_cluster
umask 077
mkdir -p "$(dirname "$KUBECONFIG_FILE")"
rm -f "$KUBECONFIG_FILE.lock"
must "kind cannot write the kubeconfig of cluster \"$CLUSTER\"" "The lab connects to the cluster with it" \
  "docker ps --all --filter label=io.x-k8s.kind.cluster=$CLUSTER   (do all nodes run?), then run the command again" \
  kind export kubeconfig --name "$CLUSTER" --kubeconfig "$KUBECONFIG_FILE"
printf '%s %s %s\n' "$CLUSTER" "$NETWORK_ID" "$BACKEND" > "$MARKER_FILE"
echo "$CLUSTER"
