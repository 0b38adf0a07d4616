import type { ModuleName } from "../config/vocabulary";
import { apps, core, gatewayApi, lab, networking, type ObjectSpec, security } from "../experiments/object-spec";

/** The objects of one module, each with its name. */
const only = <K extends string>(module: ModuleName, specs: Record<K, ObjectSpec>) =>
  Object.fromEntries(Object.entries<ObjectSpec>(specs).map(([key, spec]) => [key, { ...spec, module }])) as Record<
    K,
    ObjectSpec
  >;

const namespace = (name: string): ObjectSpec => ({ apiVersion: core, kind: "Namespace", name, layer: "ztunnel" });

/** Objects that are there only in a lab that has their module. */
export const moduleObjects = {
  ...only("traffic-split", {
    "Deployment/appb-v2": lab(apps, "Deployment", "appb-v2", "app"),
    "Service/appb-split": lab(core, "Service", "appb-split", "waypoint"),
    "HTTPRoute/appb-split": lab(gatewayApi, "HTTPRoute", "appb-split", "waypoint"),
    "AuthorizationPolicy/appb-split-l7": lab(security, "AuthorizationPolicy", "appb-split-l7", "waypoint"),
    "AuthorizationPolicy/appb-v2-waypoint-only": lab(
      security,
      "AuthorizationPolicy",
      "appb-v2-waypoint-only",
      "ztunnel",
    ),
  }),
  ...only("resilience", {
    "Service/appb-resilience": lab(core, "Service", "appb-resilience", "waypoint"),
    "Service/appb-limited": lab(core, "Service", "appb-limited", "waypoint"),
    "VirtualService/appb-resilience": lab(networking, "VirtualService", "appb-resilience", "waypoint"),
    "EnvoyFilter/appb-limited": lab("networking.istio.io/v1alpha3", "EnvoyFilter", "appb-limited", "waypoint"),
    "AuthorizationPolicy/appb-resilience-l7": lab(security, "AuthorizationPolicy", "appb-resilience-l7", "waypoint"),
  }),
  ...only("l4-l7", {
    "Deployment/appc": lab(apps, "Deployment", "appc", "app"),
    "Deployment/appd": lab(apps, "Deployment", "appd", "app"),
    "Service/appc-l7": lab(core, "Service", "appc-l7", "waypoint"),
    "AuthorizationPolicy/appc-l4-deny": lab(security, "AuthorizationPolicy", "appc-l4-deny", "ztunnel"),
    "AuthorizationPolicy/appc-l7-deny": lab(security, "AuthorizationPolicy", "appc-l7-deny", "waypoint"),
    "AuthorizationPolicy/appd-misplaced": lab(security, "AuthorizationPolicy", "appd-misplaced", "ztunnel"),
  }),
  ...only("egress", {
    "Namespace/egress": namespace("egress"),
    "Namespace/outside": namespace("outside"),
    "Deployment/external": lab(apps, "Deployment", "external", "app", "outside"),
    "Service/external": lab(core, "Service", "external", "app", "outside"),
    "Gateway/egress-waypoint": lab(gatewayApi, "Gateway", "egress-waypoint", "waypoint", "egress"),
    "Deployment/egress-waypoint": lab(apps, "Deployment", "egress-waypoint", "waypoint", "egress"),
    "ServiceEntry/partner": lab(networking, "ServiceEntry", "partner", "waypoint", "egress"),
    "ServiceEntry/forbidden": lab(networking, "ServiceEntry", "forbidden", "waypoint", "egress"),
    "AuthorizationPolicy/partner-l7": lab(security, "AuthorizationPolicy", "partner-l7", "waypoint", "egress"),
    "AuthorizationPolicy/forbidden-deny": lab(security, "AuthorizationPolicy", "forbidden-deny", "waypoint", "egress"),
  }),
  ...only("cross-namespace", {
    "Namespace/second": namespace("second"),
    "Deployment/appe": lab(apps, "Deployment", "appe", "app", "second"),
    "Deployment/second-appa": lab(apps, "Deployment", "appa", "app", "second"),
    "Service/appe": lab(core, "Service", "appe", "waypoint", "second"),
    "Service/appe-shared": lab(core, "Service", "appe-shared", "waypoint", "second"),
    "Service/appe-unadmitted": lab(core, "Service", "appe-unadmitted", "waypoint", "second"),
    "Gateway/second-waypoint": lab(gatewayApi, "Gateway", "second-waypoint", "waypoint", "second"),
    "Deployment/second-waypoint": lab(apps, "Deployment", "second-waypoint", "waypoint", "second"),
    "Gateway/shared-waypoint": lab(gatewayApi, "Gateway", "shared-waypoint", "waypoint"),
    "Deployment/shared-waypoint": lab(apps, "Deployment", "shared-waypoint", "waypoint"),
    "AuthorizationPolicy/appe-l7": lab(security, "AuthorizationPolicy", "appe-l7", "waypoint", "second"),
    "AuthorizationPolicy/appe-shared-l7": lab(security, "AuthorizationPolicy", "appe-shared-l7", "waypoint", "second"),
    "AuthorizationPolicy/appe-waypoint-only": lab(
      security,
      "AuthorizationPolicy",
      "appe-waypoint-only",
      "ztunnel",
      "second",
    ),
    "AuthorizationPolicy/appe-shared-only": lab(
      security,
      "AuthorizationPolicy",
      "appe-shared-only",
      "ztunnel",
      "second",
    ),
  }),
  ...only("agentgateway", {
    "Deployment/apph": lab(apps, "Deployment", "apph", "app"),
    "Gateway/agentgateway": lab(gatewayApi, "Gateway", "agentgateway", "waypoint"),
    "Deployment/agentgateway": lab(apps, "Deployment", "agentgateway", "waypoint"),
    "Service/apph": lab(core, "Service", "apph", "waypoint"),
    "Service/apph-envoy": lab(core, "Service", "apph-envoy", "waypoint"),
    "Service/apph-routed": lab(core, "Service", "apph-routed", "waypoint"),
    "Service/apph-envoy-routed": lab(core, "Service", "apph-envoy-routed", "waypoint"),
    "AuthorizationPolicy/apph-l7": lab(security, "AuthorizationPolicy", "apph-l7", "waypoint"),
    "AuthorizationPolicy/apph-envoy-l7": lab(security, "AuthorizationPolicy", "apph-envoy-l7", "waypoint"),
    "AuthorizationPolicy/apph-waypoint-only": lab(security, "AuthorizationPolicy", "apph-waypoint-only", "ztunnel"),
    "AuthorizationPolicy/apph-envoy-only": lab(security, "AuthorizationPolicy", "apph-envoy-only", "ztunnel"),
    "VirtualService/apph-fault": lab(networking, "VirtualService", "apph-fault", "waypoint"),
    "VirtualService/apph-envoy-fault": lab(networking, "VirtualService", "apph-envoy-fault", "waypoint"),
    "HTTPRoute/apph-routed": lab(gatewayApi, "HTTPRoute", "apph-routed", "waypoint"),
    "HTTPRoute/apph-envoy-routed": lab(gatewayApi, "HTTPRoute", "apph-envoy-routed", "waypoint"),
  }),
  ...only("grpc", {
    "Deployment/grpc": lab(apps, "Deployment", "grpc", "app"),
    "Service/grpc": lab(core, "Service", "grpc", "waypoint"),
    "AuthorizationPolicy/grpc-l7": lab(security, "AuthorizationPolicy", "grpc-l7", "waypoint"),
    "AuthorizationPolicy/grpc-waypoint-only": lab(security, "AuthorizationPolicy", "grpc-waypoint-only", "ztunnel"),
  }),
  ...only("strict-mtls", {
    "Deployment/appf": lab(apps, "Deployment", "appf", "app"),
    "Deployment/appg": lab(apps, "Deployment", "appg", "app"),
    "DaemonSet/sniffer": lab(apps, "DaemonSet", "sniffer", "nodes"),
    "PeerAuthentication/appf-strict": lab(security, "PeerAuthentication", "appf-strict", "ztunnel"),
  }),
  ...only("chaos", {
    "Deployment/loadgen": lab(apps, "Deployment", "loadgen", "app"),
  }),
  ...only("gateway-tls", {
    "Secret/gateway-tls": lab(core, "Secret", "gateway-tls", "gateway"),
    "HTTPRoute/gateway-tls": lab(gatewayApi, "HTTPRoute", "gateway-tls", "gateway"),
    "HTTPRoute/gateway-tls-redirect": lab(gatewayApi, "HTTPRoute", "gateway-tls-redirect", "gateway"),
  }),
  ...only("gateway-jwt", {
    "Secret/gateway-jwt-issuer": lab(core, "Secret", "gateway-jwt-issuer", "gateway"),
    "HTTPRoute/gateway-jwt-route": lab(gatewayApi, "HTTPRoute", "gateway-jwt-route", "gateway"),
    "RequestAuthentication/gateway-jwt": lab(security, "RequestAuthentication", "gateway-jwt", "gateway"),
    "AuthorizationPolicy/gateway-jwt-claim": lab(security, "AuthorizationPolicy", "gateway-jwt-claim", "gateway"),
  }),
} as const satisfies Record<string, ObjectSpec>;
