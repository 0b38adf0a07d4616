# Reconciles what may change while the cluster stays: its kubeconfig file is written again.
# In: CLUSTER KUBECONFIG_FILE
set -eu
umask 077
mkdir -p "$(dirname "$KUBECONFIG_FILE")"
kind export kubeconfig --name "$CLUSTER" --kubeconfig "$KUBECONFIG_FILE" >&2
echo "$CLUSTER"
