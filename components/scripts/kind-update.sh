# Reconciles what may change while the cluster stays: its kubeconfig file and its marker are written again.
# In: CLUSTER KUBECONFIG_FILE MARKER_FILE NETWORK_ID
set -eu
# With podman or nerdctl, which the user's shell may name, kind would not see the lab (kind pkg/internal/runtime/runtime.go).
export KIND_EXPERIMENTAL_PROVIDER=docker
umask 077
mkdir -p "$(dirname "$KUBECONFIG_FILE")"
kind export kubeconfig --name "$CLUSTER" --kubeconfig "$KUBECONFIG_FILE" >&2
printf '%s %s\n' "$CLUSTER" "$NETWORK_ID" > "$MARKER_FILE"
echo "$CLUSTER"
