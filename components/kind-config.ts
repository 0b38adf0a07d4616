/** NodePorts of the gateway's Services, to which kind maps the published ports. */
export const gatewayNodePorts = { http: 30080, https: 30443 } as const;

/** Folder of a node with containerd's hosts and certificates of registries. */
const certsFolder = "/etc/containerd/certs.d";

/** Configuration of the nodes of a kind cluster. */
export interface KindConfigArgs {
  /** Number of worker nodes. */
  workers: number;
  /** Port on 127.0.0.1 that is mapped to {@link gatewayNodePorts}.http of the first worker. */
  httpPort: number;
  /** The same for HTTPS. Always mapped, because kind cannot add a port to a running cluster. */
  httpsPort: number;
  /** Folder with one `<registry>/hosts.toml` per mirror, mounted into every node. @default no mirrors */
  certsDir?: string;
}

/** Configuration of a kind cluster (kind.x-k8s.io/v1alpha4) as JSON text. */
export function kindConfig(args: KindConfigArgs): string {
  const mounts = args.certsDir
    ? { extraMounts: [{ hostPath: args.certsDir, containerPath: certsFolder, readOnly: true }] }
    : {};
  // The default of containerd since 2.2 (containerd v2.2.0 internal/cri/config/config_unix.go), and of node images since kind
  // 0.31. Older images need the patch (kind's site/static/examples/kind-with-registry.sh).
  const registries = `[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "${certsFolder}"`;
  const reach = [
    { containerPort: gatewayNodePorts.http, hostPort: args.httpPort },
    { containerPort: gatewayNodePorts.https, hostPort: args.httpsPort },
  ].map((ports) => ({ ...ports, listenAddress: "127.0.0.1", protocol: "TCP" }));
  const workers = Array.from({ length: args.workers }, (_, index) => ({
    role: "worker",
    ...mounts,
    ...(index === 0 ? { extraPortMappings: reach } : {}),
  }));
  return JSON.stringify(
    {
      kind: "Cluster",
      apiVersion: "kind.x-k8s.io/v1alpha4",
      networking: { ipFamily: "ipv4", apiServerAddress: "127.0.0.1" },
      nodes: [{ role: "control-plane", ...mounts }, ...workers],
      ...(args.certsDir ? { containerdConfigPatches: [registries] } : {}),
      kubeadmConfigPatches: [
        // The kubelet pulls one image at a time by default: ten images of 1.8 GB took 66 s, and 29 s in parallel.
        JSON.stringify({
          kind: "KubeletConfiguration",
          apiVersion: "kubelet.config.k8s.io/v1beta1",
          serializeImagePulls: false,
        }),
      ],
    },
    null,
    2,
  );
}
