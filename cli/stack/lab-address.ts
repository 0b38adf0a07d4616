import { type ClusterAddress, ownCluster } from "../../host/paths";
import type { StateResource } from "../engine/types";
import type { Session } from "./session";

/**
 * Cluster that the lab of a state is in, as its provider is told. The configuration tells where the lab is to be: once it
 * was changed, that is another cluster, in which nothing is the lab's.
 * @returns undefined while the lab is in no cluster
 */
export function labAddress(resources: readonly StateResource[]): ClusterAddress | undefined {
  const provider = resources.find(({ type }) => type === "pulumi:providers:kubernetes");
  const { kubeconfig, context } = provider?.inputs ?? {};
  return typeof kubeconfig === "string" && typeof context === "string" ? { kubeconfig, context } : undefined;
}

/** Whether two addresses name the same cluster. */
export function sameAddress(a: ClusterAddress, b: ClusterAddress): boolean {
  return a.kubeconfig === b.kubeconfig && a.context === b.context;
}

/** Where the stack's cluster is, whether it runs or not. */
export function clusterAddress({ stack, config }: Pick<Session, "stack" | "config">): ClusterAddress {
  return config.cluster === "kind"
    ? ownCluster(stack)
    : { kubeconfig: config.kubeconfig ?? "", context: config.context ?? "" };
}
