# Removes the stack's cluster and files; succeeds when they are gone already.
# In: CLUSTER KUBECONFIG_FILE MARKER_FILE CERTS_DIR
set -eu
kind delete cluster --name "$CLUSTER" --kubeconfig "$KUBECONFIG_FILE" >&2
rm -rf "$KUBECONFIG_FILE" "$KUBECONFIG_FILE.lock" "$MARKER_FILE" "$CERTS_DIR"
rm -f "$(dirname "$KUBECONFIG_FILE")/gateway-ca.pem" "$(dirname "$KUBECONFIG_FILE")/backend"
rmdir "$(dirname "$KUBECONFIG_FILE")" 2>/dev/null || true
