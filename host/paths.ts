import { homedir } from "node:os";
import { join } from "node:path";
import { shellWord } from "./shell";

/** Folder of the lab's files on this machine: caches, tools, evidence, one folder per stack. `AMBIENT_LAB_HOME` overrides it. */
export const labHome = (): string => process.env.AMBIENT_LAB_HOME || join(homedir(), ".ambient-lab");

/** Folder of the tools that the lab installs. */
export const labBin = (): string => join(labHome(), "bin");

/** Folder of one stack's files: kubeconfig, marker, registry mirrors. `destroy` deletes it. */
export const stackDir = (stack: string): string => join(labHome(), "stacks", stack);

/** Name of the stack's kind cluster and of its Docker network. */
export const clusterName = (stack: string): string => `ambient-lab-${stack}`;

/** Kubeconfig file and context of a cluster. The lab never uses the current context. */
export interface ClusterAddress {
  /** Path of the file. */
  kubeconfig: string;
  context: string;
}

/** `kubectl` with the flags for a cluster, quoted for a shell. */
export const kubectlOf = ({ kubeconfig, context }: ClusterAddress): string =>
  `kubectl --kubeconfig ${shellWord(kubeconfig)} --context ${shellWord(context)}`;

/** Address of the stack's kind cluster. */
export const ownCluster = (stack: string): ClusterAddress => ({
  kubeconfig: kubeconfigFile(stackDir(stack)),
  context: kindContext(clusterName(stack)),
});

/** Kubeconfig file of a stack's kind cluster, in the folder of the stack. */
export const kubeconfigFile = (folder: string): string => join(folder, "kubeconfig");

/** Context that kind writes for a cluster. */
export const kindContext = (cluster: string): string => `kind-${cluster}`;

/** Marker file in the stack's folder: it exists from the creation of the cluster to its deletion (components/scripts/kind-create.sh). */
export const markerFile = (folder: string): string => join(folder, "cluster");
