import type { z } from "zod";
import type { KubeObject } from "../verify/lab-client";
import type { decisionSchema, namespacedNameSchema, senderSchema } from "./reach/schema";

/** The objects of a mesh that determine which requests are allowed, read at one time. */
export interface Mesh {
  /** Objects of all kinds that were read; istiod's Deployment and the ConfigMap of MeshConfig among them. */
  objects: readonly KubeObject[];
  /** Istio's root namespace (`rootNamespace` of MeshConfig). */
  rootNamespace: string;
  /** Revision of the istiod that configures the mesh; absent when it is not known. */
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
export type NamespacedName = z.infer<typeof namespacedNameSchema>;

/** The sender of a request. */
export type Sender = z.infer<typeof senderSchema>;

/** The destination of a request: a Service, or a pod by its address. */
export type Destination =
  | { kind: "service"; service: NamespacedName; port: number }
  | { kind: "pod"; pod: NamespacedName; port: number };

/** A request, as policies and routes match it. */
export interface AccessRequest {
  from: Sender;
  /** The destination. A request through a Gateway is routed by the Gateway; `to` is then the expected destination. */
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

/** The result of a request, as the configuration implies it or as it was observed. */
export type AccessDecision = z.infer<typeof decisionSchema>;

export type Outcome = AccessDecision["outcome"];

/** The layers that can decide about a request. */
export type DecidingLayer = NonNullable<AccessDecision["by"]>;
