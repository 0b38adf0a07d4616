# Removes the stack's cluster and files; succeeds when they are gone already.
# Needs problem.sh and kind-own.sh before it.
# In: KUBECONFIG_FILE MARKER_FILE CERTS_DIR, and what kind-own.sh reads
set -eu
require_own_cluster
delete_cluster
rm -rf "$KUBECONFIG_FILE" "$MARKER_FILE" "$CERTS_DIR"
rm -f "$(dirname "$KUBECONFIG_FILE")/gateway-ca.pem" "$(dirname "$KUBECONFIG_FILE")/backend"
rmdir "$(dirname "$KUBECONFIG_FILE")" 2>/dev/null || true
