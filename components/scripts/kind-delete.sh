# Removes the stack's cluster and its files; succeeds when they do not exist.
# Runs after problem.sh and kind-own.sh.
# In: KUBECONFIG_FILE MARKER_FILE CERTS_DIR, and the inputs of kind-own.sh
set -eu
require_own_cluster
# The files may belong to a lab with the state in another backend: the marker has the ID of that lab's network (kind-create.sh).
network=""
[ ! -f "$MARKER_FILE" ] || read -r _ network _ < "$MARKER_FILE" || true
case "$network" in
  "" | "${NETWORK_ID:-$network}") ;;
  *)
    # kind removes a cluster from the kubeconfig also when it has no nodes (v0.33.0 pkg/cluster/internal/delete/delete.go).
    KUBECONFIG_FILE="$KUBECONFIG_FILE.none"
    delete_cluster
    exit 0
    ;;
esac
delete_cluster
rm -rf "$KUBECONFIG_FILE" "$MARKER_FILE" "$CERTS_DIR"
rm -f "$(dirname "$KUBECONFIG_FILE")/gateway-ca.pem" "$(dirname "$KUBECONFIG_FILE")/backend"
rmdir "$(dirname "$KUBECONFIG_FILE")" 2>/dev/null || true
