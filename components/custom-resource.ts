import type { Gateway, GatewayClass, HTTPRoute } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1";
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { apiVersions } from "../config/vocabulary";
import { type ChildOptions, child } from "./child";

/** A target of a policy (istio/api 1.31, type/v1beta1/selector.proto). */
interface TargetRef {
  group: string;
  kind: "Gateway" | "GatewayClass" | "Service" | "ServiceEntry";
  name: string;
}

/** Pods by their labels (istio/api 1.31, type/v1beta1/selector.proto). */
interface WorkloadSelector {
  matchLabels: Record<string, string>;
}

/** istio/api 1.31, security/v1beta1/authorization_policy.proto. */
interface AuthorizationPolicySpec {
  selector?: WorkloadSelector;
  targetRefs?: TargetRef[];
  action: "ALLOW" | "DENY";
  /** An ALLOW policy without rules denies every request. */
  rules?: {
    from?: { source: { principals?: string[]; notPrincipals?: string[]; notRequestPrincipals?: string[] } }[];
    to?: { operation: { hosts?: string[]; methods?: string[]; paths?: string[] } }[];
    when?: { key: string; values?: string[]; notValues?: string[] }[];
  }[];
}

/** istio/api 1.31, networking/v1alpha3/virtual_service.proto. */
interface VirtualServiceSpec {
  hosts: string[];
  http: {
    match?: { uri: { prefix: string } }[];
    route: { destination: { host: string; port: { number: number } } }[];
    fault?: {
      delay?: { fixedDelay: string; percentage: { value: number } };
      abort?: { httpStatus: number; percentage: { value: number } };
    };
    timeout?: string;
    retries?: { attempts: number; retryOn?: string };
  }[];
}

/** istio/api 1.31, networking/v1alpha3/envoy_filter.proto; `value` is a message of Envoy. */
interface EnvoyFilterSpec {
  targetRefs: TargetRef[];
  configPatches: {
    applyTo: "HTTP_FILTER";
    match: {
      context: "SIDECAR_INBOUND";
      listener: { filterChain: { name: string; filter: { name: string; subFilter: { name: string } } } };
    };
    patch: { operation: "INSERT_BEFORE"; value: Record<string, unknown> };
  }[];
}

/**
 * `spec` by kind. The types of the Gateway API are generated from its CRDs (@kubernetes-models/gateway-api). Those of Istio
 * contain the fields that the lab sets: releases of @kubernetes-models/istio for Node.js 20 do not have `targetRefs`.
 */
export interface Specs {
  AuthorizationPolicy: AuthorizationPolicySpec;
  /** istio/api 1.31, security/v1beta1/peer_authentication.proto. */
  PeerAuthentication: { selector: WorkloadSelector; mtls: { mode: "STRICT" | "PERMISSIVE" | "DISABLE" } };
  /** istio/api 1.31, security/v1beta1/request_authentication.proto. */
  RequestAuthentication: {
    targetRefs: TargetRef[];
    jwtRules: { issuer: string; audiences: string[]; jwks: string }[];
  };
  /** istio/api 1.31, networking/v1alpha3/destination_rule.proto. */
  DestinationRule: { host: string; trafficPolicy: { connectionPool: { http: { idleTimeout: string } } } };
  /** istio/api 1.31, networking/v1alpha3/service_entry.proto. */
  ServiceEntry: {
    hosts: string[];
    location: "MESH_EXTERNAL" | "MESH_INTERNAL";
    resolution: "NONE" | "STATIC" | "DNS";
    ports: { number: number; name: string; protocol: string }[];
    endpoints?: { address: string }[];
  };
  VirtualService: VirtualServiceSpec;
  EnvoyFilter: EnvoyFilterSpec;
  Gateway: Gateway["spec"];
  GatewayClass: GatewayClass["spec"];
  HTTPRoute: HTTPRoute["spec"];
  /** MetalLB v0.16, api/v1beta1/ipaddresspool_types.go. */
  IPAddressPool: { addresses: string[] };
  /** MetalLB v0.16, api/v1beta1/l2advertisement_types.go. */
  L2Advertisement: { ipAddressPools: string[] };
}

/** A value in which every part may be an `Input`. */
type Inputs<T> = pulumi.Input<
  T extends readonly (infer E)[] ? Inputs<E>[] : T extends object ? { [K in keyof T]: Inputs<T[K]> } : T
>;

/** `spec` of a kind, as input of a resource. */
type Spec<K extends keyof Specs> = Inputs<Specs[K]>;

export interface CustomResourceArgs<K extends keyof Specs> {
  kind: K;
  metadata: {
    name: string;
    /** @default none: the kind is cluster-wide */
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  spec: Spec<K>;
}

/** A custom resource whose `spec` is checked against the type of its CRD. */
export function customResource<K extends keyof Specs>(
  name: string,
  { kind, metadata, spec }: CustomResourceArgs<K>,
  options: ChildOptions,
): k8s.apiextensions.CustomResource {
  const args = { apiVersion: apiVersions[kind], kind, metadata, spec };
  return new k8s.apiextensions.CustomResource(...child(name, options, args));
}
