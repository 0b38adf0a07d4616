import { existsSync } from "node:fs";
import { join } from "node:path";
import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { nodeSysctls } from "../config/vocabulary";
import { kindContext, kubeconfigFile, markerFile } from "../host/paths";
import { pullImages } from "./image-commands";
import { kindConfig } from "./kind-config";
import { commandDefaults, type ImageOrigin, imageOriginEnvironment, script, scriptTexts } from "./script";

export interface KindClusterArgs extends ImageOrigin {
  /** Name of the cluster, its Docker network and, behind "kind-", its context. */
  clusterName: string;
  /** Folder of the stack's files, absolute. */
  stackDir: string;
  /** Labels of the Docker network: the stack and the owner of the lab, and the organization where a service keeps its state. */
  networkLabels: Readonly<Record<string, string>>;
  /** Backend of the state. Labs of two backends may share the folder of their files. */
  backend: string;
  /** Node image. A change replaces the cluster. */
  nodeImage: string;
  /** Number of worker nodes. A change replaces the cluster. */
  workers: number;
  /** Port on 127.0.0.1 of the gateway's HTTP listener. A change replaces the cluster. */
  httpPort: number;
  /** Port on 127.0.0.1 of the gateway's HTTPS listener, if there is one. A change replaces the cluster. */
  httpsPort: number;
  /** IPv4 subnet of the Docker network. @default Docker chooses a free one */
  subnet?: string;
  /** MTU of the Docker network, in bytes. @default Docker's own */
  mtu?: number;
  /** A change replaces the cluster: a node reads its mirrors when it starts. */
  imageMirrors: readonly string[];
  /** PEM file of a private CA that the nodes trust when they pull. */
  caFile?: string;
  /** SHA-256 of that file. A change replaces the cluster. */
  caDigest?: string;
  /** Dependency on the running {@link caches}. */
  cacheRunning?: pulumi.Resource;
}

/**
 * A kind cluster on its own Docker network, with the kubeconfig in a file of the stack. `~/.kube/config` is not changed.
 * @example new KindCluster("cluster", { clusterName: "ambient-lab-dev", workers: 2, ... })
 */
export class KindCluster extends pulumi.ComponentResource {
  /** The command that creates the cluster, for `deletedWith`: its deletion removes everything in the cluster. */
  readonly cluster: command.local.Command;
  /** The command that raises the nodes' kernel limits. */
  readonly sysctls: command.local.Command;
  /** Identity of the cluster. After a change, all its objects are deleted. */
  readonly clusterId: pulumi.Output<string>;
  /** Path of the kubeconfig file. Unknown in the preview of a new lab. */
  readonly kubeconfig: pulumi.Output<string>;
  /** Name of the context in {@link kubeconfig}. */
  readonly context: string;
  /** IPv4 subnet of the lab's Docker network. */
  readonly subnet: pulumi.Output<string>;

  constructor(name: string, args: KindClusterArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:cluster:KindCluster", name, inputsOf(args), opts);

    // Cluster and network depend on it: a missing image stops the update before the old cluster is deleted.
    const nodeImage = pullImages(`${name}-node-image`, { ...args, images: [args.nodeImage] }, this);
    const labels = Object.entries(args.networkLabels).map(([label, value]) => ({ label, value }));
    // The Docker plugin waits two seconds before it removes a network: two fifths of a destroy.
    const removal = new command.local.Command(
      `${name}-network-removal`,
      {
        ...commandDefaults,
        delete: scriptTexts("problem", "network-remove"),
        environment: {
          NETWORK: args.clusterName,
          LABELS: labels.map(({ label, value }) => `${label}=${value}`).join("\n"),
        },
      },
      // The name of the owner may change, and a lab of an earlier version has no label of an owner.
      { parent: this, ignoreChanges: ["environment"] },
    );
    const network = new docker.Network(
      `${name}-network`,
      {
        name: args.clusterName,
        driver: "bridge",
        labels,
        ...(args.subnet ? { ipamConfigs: [{ subnet: args.subnet }] } : {}),
        // Behind a VPN, Docker's default network has an MTU that other networks do not inherit.
        ...(args.mtu ? { options: { "com.docker.network.driver.mtu": String(args.mtu) } } : {}),
      },
      {
        parent: this,
        deleteBeforeReplace: true,
        dependsOn: [removal, nodeImage],
        deletedWith: removal,
        // A changed label or option would replace the network, and the cluster.
        ignoreChanges: ["labels", "options"],
      },
    );
    this.subnet = network.ipamConfigs.apply(ipv4Subnet);

    const kubeconfig = kubeconfigFile(args.stackDir);
    const certsDir = join(args.stackDir, "certs.d");
    const { imageMirrors, caches, caFile } = args;
    const config = kindConfig({ ...args, ...(imageMirrors.length + caches.length > 0 || caFile ? { certsDir } : {}) });
    const entry = caches.length > 0 ? [this.letNodesIn(name, args, network)] : [];
    this.cluster = new command.local.Command(
      `${name}-kind`,
      {
        ...commandDefaults,
        create: script("image-get", "kind-own", "kind-create"),
        update: script("kind-own", "kind-update"),
        delete: scriptTexts("problem", "kind-own", "kind-delete"),
        stdin: config,
        environment: {
          CLUSTER: args.clusterName,
          NODE_IMAGE: args.nodeImage,
          KUBECONFIG_FILE: kubeconfig,
          MARKER_FILE: markerFile(args.stackDir),
          BACKEND: args.backend,
          KIND_EXPERIMENTAL_DOCKER_NETWORK: network.name,
          NETWORK_ID: network.id,
          ...imageOriginEnvironment(args),
          CERTS_DIR: certsDir,
          CA_FILE: caFile ?? "",
        },
        triggers: [
          `nodeImage=${args.nodeImage}`,
          `workers=${args.workers}`,
          `httpPort=${args.httpPort}`,
          `httpsPort=${args.httpsPort}`,
          `imageMirrors=${imageMirrors.join(",")}`,
          network.id,
          ...(caches.length > 0 ? [`caches=${caches.join(",")}`] : []),
          ...(args.caDigest ? [`caFile=${args.caDigest}`] : []),
        ],
        logging: command.local.Logging.None,
      },
      { parent: this, deleteBeforeReplace: true, dependsOn: [nodeImage, ...entry], customTimeouts: { create: "15m" } },
    );
    this.clusterId = this.cluster.id;
    // stdout is unknown in a preview that replaces the command; the file of a running lab already exists.
    this.kubeconfig =
      pulumi.runtime.isDryRun() && existsSync(kubeconfig)
        ? pulumi.output(kubeconfig)
        : this.cluster.stdout.apply(() => kubeconfig);
    this.context = kindContext(args.clusterName);

    this.sysctls = new command.local.Command(
      `${name}-sysctls`,
      {
        ...commandDefaults,
        create: script("node-sysctls"),
        environment: {
          CLUSTER: args.clusterName,
          SYSCTLS: Object.entries(nodeSysctls)
            .map((e) => e.join("="))
            .join("\n"),
        },
        triggers: [this.clusterId],
      },
      { parent: this, deletedWith: this.cluster },
    );
    this.registerOutputs({ kubeconfig: this.kubeconfig, context: this.context, subnet: this.subnet });
  }

  /** Connects the caches to this cluster's network. Docker does not remove the network while they are connected. */
  private letNodesIn(name: string, args: KindClusterArgs, network: docker.Network): command.local.Command {
    return new command.local.Command(
      `${name}-caches`,
      {
        ...commandDefaults,
        create: script("image-get", "image-cache-join"),
        delete: scriptTexts("problem", "image-cache-leave"),
        environment: { NETWORK: network.name, ...imageOriginEnvironment(args) },
        triggers: [network.id],
      },
      { parent: this, deleteBeforeReplace: true, ...(args.cacheRunning ? { dependsOn: args.cacheRunning } : {}) },
    );
  }
}

/** Inputs of the component: the settings that replace the cluster, without paths of this machine. */
const inputsOf = ({ clusterName, nodeImage, workers, httpPort, httpsPort, subnet, imageMirrors }: KindClusterArgs) => ({
  ...{ clusterName, nodeImage, workers, httpPort, httpsPort, subnet, imageMirrors },
});

/** The IPv4 subnet of a network; Docker lists IPv4 and IPv6 configurations in any order. */
function ipv4Subnet(configs: readonly { subnet?: string }[] | undefined): string {
  const subnet = configs?.map((config) => config.subnet).find((each) => each && !each.includes(":"));
  if (!subnet) throw new RangeError("The lab's Docker network has no IPv4 subnet");
  return subnet;
}
