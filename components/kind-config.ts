/** NodePort behind the loopback port mapping; the gateway's NodePort Service has the same number. */
export const gatewayNodePort = 30080;

/** What shapes the nodes of a kind cluster. */
export interface KindConfigArgs {
  /** Worker nodes beside the control plane. */
  workers: number;
  /** Port on 127.0.0.1 that leads to {@link gatewayNodePort} of the first worker. */
  httpPort: number;
  /** Folder with one `<registry>/hosts.toml` per mirror, mounted into every node. @default no mirrors */
  certsDir?: string;
}

/** The kind cluster's configuration (kind.x-k8s.io/v1alpha4) as the text kind reads on stdin; JSON is YAML. */
export function kindConfig(args: KindConfigArgs): string {
  const mounts = args.certsDir
    ? { extraMounts: [{ hostPath: args.certsDir, containerPath: "/etc/containerd/certs.d", readOnly: true }] }
    : {};
  const reach = {
    containerPort: gatewayNodePort,
    hostPort: args.httpPort,
    listenAddress: "127.0.0.1",
    protocol: "TCP",
  };
  const workers = Array.from({ length: args.workers }, (_, index) => ({
    role: "worker",
    ...mounts,
    ...(index === 0 ? { extraPortMappings: [reach] } : {}),
  }));
  return JSON.stringify(
    {
      kind: "Cluster",
      apiVersion: "kind.x-k8s.io/v1alpha4",
      networking: { ipFamily: "ipv4", apiServerAddress: "127.0.0.1" },
      nodes: [{ role: "control-plane", ...mounts }, ...workers],
      kubeadmConfigPatches: [
        // The kubelet pulls one image at a time by default; ten images of 1.8 GB took 66 s so and 29 s in parallel.
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
