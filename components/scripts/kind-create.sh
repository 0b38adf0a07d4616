# Creates the stack's kind cluster from the configuration on stdin. Idempotent: a cluster of an interrupted run is deleted first.
# Runs after image-get.sh and kind-own.sh.
# In: NODE_IMAGE KUBECONFIG_FILE MARKER_FILE BACKEND (of the state), and the inputs of image-get.sh and kind-own.sh
#     CERTS_DIR (folder that the nodes mount, with the configuration for MIRRORS, CACHES and CA_FILE)
#     CA_FILE (PEM of a private CA that the nodes trust, may be empty)
set -eu
umask 077
config=$(cat)

require_own_cluster
get "$NODE_IMAGE"
# An image from an archive or a mirror has only its tag: for the reference with the digest, kind would pull from the registry.
docker image inspect "$NODE_IMAGE" >/dev/null 2>&1 || NODE_IMAGE=${NODE_IMAGE%@*}

mkdir -p "$(dirname "$KUBECONFIG_FILE")" "$(dirname "$MARKER_FILE")"
# The pull may have taken minutes, in which another stack can create a cluster of this name.
require_own_cluster
delete_cluster

# Writes hosts.toml of the nodes' containerd for a registry, or for all other ones (_default). In: the registry, the URL of its mirror
rm -rf "$CERTS_DIR"
trust=""
[ -z "$CA_FILE" ] || trust='ca = "/etc/containerd/certs.d/ca.pem"'
hosts() {
  mkdir -p "$CERTS_DIR/$1"
  mirror=${2:-}
  mirror=${mirror%/}
  place=${mirror#*://}
  path=${place#"${place%%/*}"}
  {
    # containerd 1 requires this table, also without a mirror.
    printf '%s\n[host]\n' "$trust"
    # The path of a mirror follows "/v2", as in Docker's requests; by default containerd puts it before "/v2".
    [ -z "$mirror" ] || printf '[host."%s"]\n  capabilities = ["pull", "resolve"]\n' "${mirror%"$path"*}${path:+/v2$path}"
    [ -z "$path" ] || echo '  override_path = true'
    # With a CA, containerd 2 would use HTTPS for a mirror with plain HTTP.
    case "$mirror" in https://*) printf '  %s\n' "$trust" ;; esac
  } > "$CERTS_DIR/$1/hosts.toml"
}
if [ -n "$CA_FILE" ]; then
  hosts _default
  cp "$CA_FILE" "$CERTS_DIR/ca.pem"
fi
printf '%s\n' "$CACHES" | while IFS='=' read -r registry _; do
  [ -z "$registry" ] || hosts "$registry" "http://$(cache_name "$registry"):5000"
done
printf '%s\n' "$MIRRORS" | while IFS='=' read -r registry url; do
  [ -z "$registry" ] || hosts "$registry" "$url"
done

# Deletes the incomplete cluster and reports the failure. The cluster is not in Pulumi's state, so no later run would delete it.
# In: the failed step, the output of the program
give_up() {
  printf '%s\n' "$2" >&2
  require_own_cluster
  delete_cluster 2>/dev/null || true
  fix="npm run lab -- doctor   (checks Docker, its memory and disk, ports and limits), then run the command again"
  ! disk_full "$2" || fix="docker system df   (make room for Docker, then run the command again)"
  problem "$1: $(fault "$2")" "The lab runs in this cluster" "$fix"
}
answer=$(printf '%s\n' "$config" | kind create cluster --name "$CLUSTER" --image "$NODE_IMAGE" \
  --kubeconfig "$KUBECONFIG_FILE" --config - --wait 180s 2>&1) || give_up "kind cannot create the cluster" "$answer"

# kind waits only for the control plane; the workers are often NotReady when it returns.
answer=$(docker exec "$CLUSTER-control-plane" kubectl --kubeconfig /etc/kubernetes/admin.conf \
  wait --for=condition=Ready nodes --all --timeout=180s 2>&1) || give_up "Nodes of the cluster are not Ready" "$answer"

# The marker records that the cluster was created, with the ID of the stack's network and the backend of the state. With it, the
# next run detects a deleted cluster.
printf '%s %s %s\n' "$CLUSTER" "${NETWORK_ID:-}" "$BACKEND" > "$MARKER_FILE"
echo "$CLUSTER"
