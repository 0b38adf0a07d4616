import { homedir } from "node:os";
import { join } from "node:path";
import { shellWord } from "./shell";

/** Folder of all that the lab keeps on this machine: caches, CLIs, one folder per stack. `AMBIENT_LAB_HOME` wins. */
export function labHome(): string {
  return process.env.AMBIENT_LAB_HOME || join(homedir(), ".ambient-lab");
}

/** Folder of the programs that the lab brings itself. */
export function labBin(): string {
  return join(labHome(), "bin");
}

/** Folder of one stack's files: kubeconfig, marker, registry mirrors. Gone after destroy. */
export function stackDir(stack: string): string {
  return join(labHome(), "stacks", stack);
}

/** Name of the stack's kind cluster, and of its Docker network: one stack, one name to look for. */
export function clusterName(stack: string): string {
  return `ambient-lab-${stack}`;
}

/** Where a cluster is. */
export interface ClusterAddress {
  /** Path of the kubeconfig file. */
  kubeconfig: string;
  /** Context in it; never the current one. */
  context: string;
}

/** kubectl with the flags that lead it to a cluster, as it can be typed. */
export function kubectlOf({ kubeconfig, context }: ClusterAddress): string {
  return `kubectl --kubeconfig ${shellWord(kubeconfig)} --context ${shellWord(context)}`;
}

/** Where the stack's kind cluster is, whether it runs or not. */
export function ownCluster(stack: string): ClusterAddress {
  return { kubeconfig: kubeconfigFile(stackDir(stack)), context: kindContext(clusterName(stack)) };
}

/** Kubeconfig of a stack's kind cluster, in the folder of the stack. */
export const kubeconfigFile = (folder: string): string => join(folder, "kubeconfig");

/** Context that kind writes for a cluster. */
export const kindContext = (cluster: string): string => `kind-${cluster}`;

/** File in the stack's folder from the creation of its cluster to the deletion: the cluster's name and its network's id. */
export const markerFile = (folder: string): string => join(folder, "cluster");
