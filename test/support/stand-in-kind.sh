# Implements the kind commands of the lab with the files of stand-in-docker.sh. Like kind, it uses all containers with the label of a
# cluster as nodes, whoever created them (kind v0.33.0 pkg/cluster/internal/providers/docker/provider.go, ListNodes()).
case "$1 $2" in
  "version "*) echo "kind v0.33.0 go1.26.1 linux/amd64" ;;
  "create cluster")
    id=$(awk -F '\t' -v n="$KIND_EXPERIMENTAL_DOCKER_NETWORK" '$2 == n { print $1 }' networks)
    printf '%s-control-plane\t%s\t%s\t%s\trunning\n' "$4" "$4" "$KIND_EXPERIMENTAL_DOCKER_NETWORK" "$id" >>nodes
    ;;
  "delete cluster")
    # It takes the cluster out of the kubeconfig, whether there are nodes or not (v0.33.0 pkg/cluster/internal/delete/delete.go).
    [ ! -f "$6" ] || echo "kind: Config" >"$6"
    awk -F '\t' -v c="$4" '$2 != c' nodes >nodes.new
    mv nodes.new nodes
    ;;
  "export kubeconfig") ;;
  "get kubeconfig") echo "kind: Config" ;;
  *)
    echo "the stand-in does not support: kind $*" >&2
    exit 1
    ;;
esac
