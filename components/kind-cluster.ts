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
  /** Labels of the Docker network: the stack and the owner of the lab, by which other users of the engine recognise it. */
  networkLabels: Readonly<Record<string, string>>;
  /** Backend that holds the state. Labs of two backends may share the folder of their files. */
  backend: string;
  /** Node image. A change makes the cluster anew. */
  nodeImage: string;
  /** Worker nodes beside the control plane. A change makes the cluster anew. */
  workers: number;
  /** Port on 127.0.0.1 that reaches the gateway. A change makes the cluster anew. */
  httpPort: number;
  /** Port on 127.0.0.1 that reaches its HTTPS listener, where there is one. A change makes the cluster anew. */
  httpsPort: number;
  /** IPv4 subnet of the Docker network. @default Docker chooses a free one */
  subnet?: string;
  /** MTU of the Docker network, in bytes. @default Docker's own */
  mtu?: number;
  /** A change makes the cluster anew: a node reads its mirrors when it starts. */
  imageMirrors: readonly string[];
  /** PEM of a private CA that the nodes trust when they pull. */
  caFile?: string;
  /** SHA-256 of that file. A change makes the cluster anew. */
  caDigest?: string;
  /** What the {@link caches} run with, where there are any. */
  cacheRunning?: pulumi.Resource;
}

/**
 * A kind cluster on a Docker network of its own, with its kubeconfig in a file of the stack. `~/.kube/config` and the
 * current context stay as they are.
 *
 * @example new KindCluster("cluster", { clusterName: "ambient-lab-dev", workers: 2, ... })
 */
export class KindCluster extends pulumi.ComponentResource {
  /** The command whose deletion removes everything in the cluster: for `deletedWith`. */
  readonly cluster: command.local.Command;
  /** The nodes' kernel limits are raised once this is there. */
  readonly sysctls: command.local.Command;
  /** Identity of this very cluster: another value means that all its objects are gone. */
  readonly clusterId: pulumi.Output<string>;
  /** Path of the kubeconfig file. Unknown while the cluster is to be made, known in the preview of a living lab. */
  readonly kubeconfig: pulumi.Output<string>;
  /** Name of the context in {@link kubeconfig}. */
  readonly context: string;
  /** IPv4 subnet of the lab's Docker network. */
  readonly subnet: pulumi.Output<string>;

  constructor(name: string, args: KindClusterArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:cluster:KindCluster", name, inputsOf(args), opts);

    // Cluster and network wait for it: another image that cannot be had stops the run while the old cluster still lives.
    const nodeImage = pullImages(`${name}-node-image`, { ...args, images: [args.nodeImage] }, this);
    const labels = Object.entries(args.networkLabels).map(([label, value]) => ({ label, value }));
    // The Docker plugin waits two seconds before it removes a network, which is two fifths of a destroy.
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
      // A lab stays as it is when its owner's name changes, and a lab of an earlier version has no label of an owner.
      { parent: this, ignoreChanges: ["environment"] },
    );
    const network = new docker.Network(
      `${name}-network`,
      {
        name: args.clusterName,
        driver: "bridge",
        labels,
        ...(args.subnet ? { ipamConfigs: [{ subnet: args.subnet }] } : {}),
        // Docker's default network has it behind a VPN, and other networks do not take it over.
        ...(args.mtu ? { options: { "com.docker.network.driver.mtu": String(args.mtu) } } : {}),
      },
      {
        parent: this,
        deleteBeforeReplace: true,
        dependsOn: [removal, nodeImage],
        deletedWith: removal,
        // Another label or option replaces the network, and with it the cluster.
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
    // stdout is unknown until there is a cluster; in the preview of a living lab the file is there already.
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

  /** Nodes reach the caches by this cluster's network, which Docker does not remove while they are in it. */
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

/** Inputs of the component: what makes another cluster. Paths of this machine are none. */
const inputsOf = ({ clusterName, nodeImage, workers, httpPort, httpsPort, subnet, imageMirrors }: KindClusterArgs) => ({
  ...{ clusterName, nodeImage, workers, httpPort, httpsPort, subnet, imageMirrors },
});

/** Docker lists IPv4 and IPv6 configurations in any order. */
function ipv4Subnet(configs: readonly { subnet?: string }[] | undefined): string {
  const subnet = configs?.map((config) => config.subnet).find((each) => each && !each.includes(":"));
  if (!subnet) throw new RangeError("The lab's Docker network has no IPv4 subnet");
  return subnet;
}
