# Reconciles what may change while the cluster stays: its kubeconfig file and its marker are written again.
# In: CLUSTER KUBECONFIG_FILE MARKER_FILE NETWORK_ID
set -eu
umask 077
mkdir -p "$(dirname "$KUBECONFIG_FILE")"
kind export kubeconfig --name "$CLUSTER" --kubeconfig "$KUBECONFIG_FILE" >&2
printf '%s %s\n' "$CLUSTER" "$NETWORK_ID" > "$MARKER_FILE"
echo "$CLUSTER"
