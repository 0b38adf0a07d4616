import type { Caller, Client } from "./types";

/** Label of Istio's namespace: the stack whose lab the mesh belongs to. */
export const ownerLabel = "ambient-lab/stack";

/** Identity of a ServiceAccount of the lab as policies write it (metrics and logs put "spiffe://" before it). */
export const principalOf = (account: string): string => `cluster.local/ns/default/sa/${account}`;

/** ServiceAccount behind a caller that the policy names. */
export const accountOf = (caller: Caller): string => (caller === "gateway" ? "gateway-istio" : caller);

/** The caller that the policy sees when a client sends. A pod outside the mesh has no identity. */
export const callerOf = (client: Client): Caller | undefined =>
  client === "host" ? "gateway" : client === "outsider" ? undefined : client;

/** Name of appb inside the cluster. */
export const appbHost = "appb.default.svc.cluster.local";

/** Annotation that holds the policy's original while the flip is on; also what a later run restores from. */
export const flipAnnotation = "ambient-lab.dev/verify-original";

/** Name under which the verifier's writes appear in managedFields. */
export const fieldManager = "ambient-lab-verify";
