import type { KubeObject } from "../verify/lab-client";

/** The objects that decide who may reach what in a mesh, read at one moment. */
export interface Mesh {
  /** Objects of all kinds that were read; istiod's Deployment and the ConfigMap of MeshConfig among them. */
  objects: readonly KubeObject[];
  /** Istio's root namespace (`rootNamespace` of MeshConfig). */
  rootNamespace: string;
  /** Revision of the istiod whose settings the mesh has; absent where that cannot be told. */
  revision?: string;
  trustDomain: string;
  trustDomainAliases: readonly string[];
  /** Kinds that could not be listed. A decision that may depend on them is unknown. */
  unread: readonly UnreadKind[];
}

/** A kind whose objects could not be listed, and the reason. */
export interface UnreadKind {
  kind: string;
  reason: string;
}

/** Name of an object with its namespace. */
export interface NamespacedName {
  namespace: string;
  name: string;
}

/** What sends a request. */
export type Sender =
  /** A pod with this ServiceAccount; outside the mesh it has no identity. */
  | {
      kind: "workload";
      namespace: string;
      serviceAccount: string;
      labels: Readonly<Record<string, string>>;
      inMesh: boolean;
    }
  /** A client outside the mesh, through a Gateway. */
  | { kind: "gateway"; gateway: NamespacedName };

/** Where a request goes: a Service, or a pod by its address. */
export type Destination =
  | { kind: "service"; service: NamespacedName; port: number }
  | { kind: "pod"; pod: NamespacedName; port: number };

/** A request, as policies and routes match it. */
export interface AccessRequest {
  from: Sender;
  /** A request through a Gateway goes where the Gateway's routes lead; `to` is the destination that is expected. */
  to: Destination;
  method: string;
  /** Path without query. */
  path: string;
  /** Host header as the client sends it: with the port unless that is the default of HTTP. */
  host: string;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  /** Claims of the bearer token that the request carries. @default no token */
  claims?: Readonly<Record<string, unknown>>;
}

/** How a request ends. `unreachable`: no policy refuses it, and there is no endpoint to answer it. */
export type Outcome = "allowed" | "denied" | "no-route" | "redirected" | "unreachable" | "unknown";

/** The layers that can decide about a request. */
export type DecidingLayer = "gateway" | "waypoint" | "ztunnel";

/** What a configuration says about a request, or what the mesh did with it. */
export interface AccessDecision {
  outcome: Outcome;
  /** The layer that ended the request; absent when the application answered. */
  by?: DecidingLayer;
  /** The policy that decided, such as "AuthorizationPolicy default/appb-l7". */
  policy?: string;
  /** The reason, as a sentence without a full stop. */
  because: string;
  /** The waypoint that the request passes. */
  waypoint?: NamespacedName;
  /** The delay that a fault injects, in milliseconds, and the percentage of requests that have it. */
  delay?: { ms: number; percent: number };
}
