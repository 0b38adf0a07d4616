# Reconciles what may change while the cluster stays: its kubeconfig file and its marker are written again.
# Needs kind-own.sh before it.
# In: KUBECONFIG_FILE MARKER_FILE, and what kind-own.sh reads
set -eu
require_own_cluster
umask 077
mkdir -p "$(dirname "$KUBECONFIG_FILE")"
kind export kubeconfig --name "$CLUSTER" --kubeconfig "$KUBECONFIG_FILE" >&2
printf '%s %s\n' "$CLUSTER" "$NETWORK_ID" > "$MARKER_FILE"
echo "$CLUSTER"
