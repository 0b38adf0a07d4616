import { type Caller, serviceHost } from "../config/vocabulary";
import type { AppName, Client, ServiceName, WaypointName } from "./types";

/** The caller that the policy sees when a client sends; nothing for one that no lab's policy can name. */
export const callerOf = (client: Client): Caller | undefined =>
  client === "host" ? "gateway" : client === "appa" || client === "stranger" ? client : undefined;

/** Hosts of what is not a Service in the namespace of the story. `.example` is reserved: no DNS answers for it (RFC 2606). */
export const foreignHosts = {
  partner: "partner.example",
  forbidden: "forbidden.example",
  external: "external.outside.svc.cluster.local",
  appe: "appe.second.svc.cluster.local",
  "appe-shared": "appe-shared.second.svc.cluster.local",
  "appe-unadmitted": "appe-unadmitted.second.svc.cluster.local",
} as const satisfies Partial<Record<ServiceName, string>>;

/** Name of a Service inside the cluster, or the host of a ServiceEntry. */
export const hostOf = (service: ServiceName): string =>
  service in foreignHosts ? foreignHosts[service as keyof typeof foreignHosts] : serviceHost(service);

/** The waypoint that the requests to a Service meet, or would meet if anybody sent them there. */
export const waypointAt = (service: ServiceName): WaypointName => otherWaypoints[service] ?? "waypoint";

const otherWaypoints: Partial<Record<ServiceName, WaypointName>> = {
  partner: "egress-waypoint",
  forbidden: "egress-waypoint",
  external: "egress-waypoint",
  appe: "second-waypoint",
  "appe-shared": "shared-waypoint",
  apph: "agentgateway",
  "apph-routed": "agentgateway",
};

/** Name of appb inside the cluster. */
export const appbHost = hostOf("appb");

/** Whose pods are behind a Service. */
export const podsBehind = {
  appb: "appb",
  "appb-split": "appb",
  "appb-resilience": "appb",
  "appb-limited": "appb",
  appc: "appc",
  "appc-l7": "appc",
  appd: "appd",
  partner: "external",
  forbidden: "external",
  external: "external",
  appe: "appe",
  "appe-shared": "appe",
  "appe-unadmitted": "appe",
  grpc: "grpc",
  appf: "appf",
  appg: "appg",
  apph: "apph",
  "apph-envoy": "apph",
  "apph-routed": "apph",
  "apph-envoy-routed": "apph",
} as const satisfies Record<ServiceName, AppName>;

/** The ALLOW policy on a workload's pods: ztunnel does not name it when it refuses. */
export const allowPolicyOn: Readonly<Record<AppName, string | undefined>> = {
  appb: "AuthorizationPolicy/appb-waypoint-only",
  "appb-v2": "AuthorizationPolicy/appb-v2-waypoint-only",
  appc: undefined,
  appd: "AuthorizationPolicy/appd-misplaced",
  external: undefined,
  appe: "AuthorizationPolicy/appe-waypoint-only",
  grpc: "AuthorizationPolicy/grpc-waypoint-only",
  appf: undefined,
  appg: undefined,
  apph: "AuthorizationPolicy/apph-waypoint-only",
};

/** What istiod makes for ztunnel of a PeerAuthentication that is STRICT on every port: one DENY of all without an identity. */
export const strictPolicy = { namespace: "istio-system", name: "istio_converted_static_strict" } as const;

/** The PeerAuthentication on a workload's pods: ztunnel refuses under the name of {@link strictPolicy}. */
export const peerAuthenticationOn: Readonly<Partial<Record<AppName, string>>> = {
  appf: "PeerAuthentication/appf-strict",
};

/** The ALLOW policy of a Service at the waypoint: Envoy does not name it when it refuses. */
export const allowPolicyAt: Readonly<Record<ServiceName, string | undefined>> = {
  appb: "AuthorizationPolicy/appb-l7",
  "appb-split": "AuthorizationPolicy/appb-split-l7",
  "appb-resilience": "AuthorizationPolicy/appb-resilience-l7",
  "appb-limited": "AuthorizationPolicy/appb-resilience-l7",
  appc: undefined,
  "appc-l7": undefined,
  appd: undefined,
  partner: "AuthorizationPolicy/partner-l7",
  forbidden: undefined,
  external: undefined,
  appe: "AuthorizationPolicy/appe-l7",
  "appe-shared": "AuthorizationPolicy/appe-shared-l7",
  "appe-unadmitted": undefined,
  grpc: "AuthorizationPolicy/grpc-l7",
  appf: undefined,
  appg: undefined,
  apph: "AuthorizationPolicy/apph-l7",
  "apph-envoy": "AuthorizationPolicy/apph-envoy-l7",
  "apph-routed": undefined,
  "apph-envoy-routed": undefined,
};

/** The authentication of the gateway: Envoy does not name it when it refuses a token. */
export const authenticationAtGateway = "RequestAuthentication/gateway-jwt";
