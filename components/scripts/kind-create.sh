# Makes the stack's kind cluster from the config on stdin. Idempotent: what a killed run left behind is removed first.
# Needs image-get.sh and kind-own.sh before it.
# In: NODE_IMAGE KUBECONFIG_FILE MARKER_FILE BACKEND (that of the state), and what kind-own.sh reads
#     CERTS_DIR (folder that the nodes mount for MIRRORS, CACHES and CA_FILE)
#     CA_FILE (PEM of a private CA that the nodes trust, may be empty), and what image-get.sh reads
set -eu
umask 077
config=$(cat)

require_own_cluster
get "$NODE_IMAGE"
# What came from an archive or a mirror has its tag alone, and kind would go to the registry for the digest.
docker image inspect "$NODE_IMAGE" >/dev/null 2>&1 || NODE_IMAGE=${NODE_IMAGE%@*}

mkdir -p "$(dirname "$KUBECONFIG_FILE")" "$(dirname "$MARKER_FILE")"
# The image may have taken minutes.
require_own_cluster
delete_cluster

# What containerd of the nodes reads: a folder per registry, and one for all others. In: registry, its mirror's url
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
    # containerd 1 wants the table, with or without a mirror in it.
    printf '%s\n[host]\n' "$trust"
    # A mirror's path belongs behind "/v2", where Docker puts it: containerd by itself puts it before.
    [ -z "$mirror" ] || printf '[host."%s"]\n  capabilities = ["pull", "resolve"]\n' "${mirror%"$path"*}${path:+/v2$path}"
    [ -z "$path" ] || echo '  override_path = true'
    # A CA would make containerd 2 try HTTPS on a mirror of plain HTTP.
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

# A half-made cluster is not in Pulumi's state, and so no later run would remove it. In: what failed, the program's answer
give_up() {
  printf '%s\n' "$2" >&2
  require_own_cluster
  delete_cluster 2>/dev/null || true
  fix="npm run lab -- doctor   (looks at Docker, its memory and disk, ports and limits), then run the command again"
  ! disk_full "$2" || fix="docker system df   (make room for Docker, then run the command again)"
  problem "$1: $(fault "$2")" "The lab runs in this cluster" "$fix"
}
answer=$(printf '%s\n' "$config" | kind create cluster --name "$CLUSTER" --image "$NODE_IMAGE" \
  --kubeconfig "$KUBECONFIG_FILE" --config - --wait 180s 2>&1) || give_up "kind cannot create the cluster" "$answer"

# kind waits for the control plane alone; the workers are often NotReady when it returns.
answer=$(docker exec "$CLUSTER-control-plane" kubectl --kubeconfig /etc/kubernetes/admin.conf \
  wait --for=condition=Ready nodes --all --timeout=180s 2>&1) || give_up "Nodes of the cluster are not Ready" "$answer"

# Tells the next run that there was a cluster, when it finds none, which network is the stack's own, and who has the state.
printf '%s %s %s\n' "$CLUSTER" "${NETWORK_ID:-}" "$BACKEND" > "$MARKER_FILE"
echo "$CLUSTER"
