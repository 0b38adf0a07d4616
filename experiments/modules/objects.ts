import { apps, core, gatewayApi, lab, networking, type ObjectSpec, security } from "../object-spec";
import type { ModuleName } from "../types";

const only = <M extends ModuleName>(module: M, spec: ObjectSpec) => ({ ...spec, module });

const namespace = (name: string): ObjectSpec => ({ apiVersion: core, kind: "Namespace", name, layer: "ztunnel" });

/** Objects that are there only in a lab that has their module. */
export const moduleObjects = {
  "Deployment/appb-v2": only("traffic-split", lab(apps, "Deployment", "appb-v2", "app")),
  "Service/appb-split": only("traffic-split", lab(core, "Service", "appb-split", "waypoint")),
  "HTTPRoute/appb-split": only("traffic-split", lab(gatewayApi, "HTTPRoute", "appb-split", "waypoint")),
  "AuthorizationPolicy/appb-split-l7": only(
    "traffic-split",
    lab(security, "AuthorizationPolicy", "appb-split-l7", "waypoint"),
  ),
  "AuthorizationPolicy/appb-v2-waypoint-only": only(
    "traffic-split",
    lab(security, "AuthorizationPolicy", "appb-v2-waypoint-only", "ztunnel"),
  ),
  "Service/appb-resilience": only("resilience", lab(core, "Service", "appb-resilience", "waypoint")),
  "Service/appb-limited": only("resilience", lab(core, "Service", "appb-limited", "waypoint")),
  "VirtualService/appb-resilience": only(
    "resilience",
    lab(networking, "VirtualService", "appb-resilience", "waypoint"),
  ),
  "EnvoyFilter/appb-limited": only(
    "resilience",
    lab("networking.istio.io/v1alpha3", "EnvoyFilter", "appb-limited", "waypoint"),
  ),
  "AuthorizationPolicy/appb-resilience-l7": only(
    "resilience",
    lab(security, "AuthorizationPolicy", "appb-resilience-l7", "waypoint"),
  ),
  "Deployment/appc": only("l4-l7", lab(apps, "Deployment", "appc", "app")),
  "Deployment/appd": only("l4-l7", lab(apps, "Deployment", "appd", "app")),
  "Service/appc-l7": only("l4-l7", lab(core, "Service", "appc-l7", "waypoint")),
  "AuthorizationPolicy/appc-l4-deny": only("l4-l7", lab(security, "AuthorizationPolicy", "appc-l4-deny", "ztunnel")),
  "AuthorizationPolicy/appc-l7-deny": only("l4-l7", lab(security, "AuthorizationPolicy", "appc-l7-deny", "waypoint")),
  "AuthorizationPolicy/appd-misplaced": only(
    "l4-l7",
    lab(security, "AuthorizationPolicy", "appd-misplaced", "ztunnel"),
  ),
  "Namespace/egress": only("egress", namespace("egress")),
  "Namespace/outside": only("egress", namespace("outside")),
  "Deployment/external": only("egress", lab(apps, "Deployment", "external", "app", "outside")),
  "Service/external": only("egress", lab(core, "Service", "external", "app", "outside")),
  "Gateway/egress-waypoint": only("egress", lab(gatewayApi, "Gateway", "egress-waypoint", "waypoint", "egress")),
  "Deployment/egress-waypoint": only("egress", lab(apps, "Deployment", "egress-waypoint", "waypoint", "egress")),
  "ServiceEntry/partner": only("egress", lab(networking, "ServiceEntry", "partner", "waypoint", "egress")),
  "ServiceEntry/forbidden": only("egress", lab(networking, "ServiceEntry", "forbidden", "waypoint", "egress")),
  "AuthorizationPolicy/partner-l7": only(
    "egress",
    lab(security, "AuthorizationPolicy", "partner-l7", "waypoint", "egress"),
  ),
  "AuthorizationPolicy/forbidden-deny": only(
    "egress",
    lab(security, "AuthorizationPolicy", "forbidden-deny", "waypoint", "egress"),
  ),
  "Namespace/second": only("cross-namespace", namespace("second")),
  "Deployment/appe": only("cross-namespace", lab(apps, "Deployment", "appe", "app", "second")),
  "Deployment/second-appa": only("cross-namespace", lab(apps, "Deployment", "appa", "app", "second")),
  "Service/appe": only("cross-namespace", lab(core, "Service", "appe", "waypoint", "second")),
  "Service/appe-shared": only("cross-namespace", lab(core, "Service", "appe-shared", "waypoint", "second")),
  "Service/appe-unadmitted": only("cross-namespace", lab(core, "Service", "appe-unadmitted", "waypoint", "second")),
  "Gateway/second-waypoint": only(
    "cross-namespace",
    lab(gatewayApi, "Gateway", "second-waypoint", "waypoint", "second"),
  ),
  "Deployment/second-waypoint": only(
    "cross-namespace",
    lab(apps, "Deployment", "second-waypoint", "waypoint", "second"),
  ),
  "Gateway/shared-waypoint": only("cross-namespace", lab(gatewayApi, "Gateway", "shared-waypoint", "waypoint")),
  "Deployment/shared-waypoint": only("cross-namespace", lab(apps, "Deployment", "shared-waypoint", "waypoint")),
  "AuthorizationPolicy/appe-l7": only(
    "cross-namespace",
    lab(security, "AuthorizationPolicy", "appe-l7", "waypoint", "second"),
  ),
  "AuthorizationPolicy/appe-shared-l7": only(
    "cross-namespace",
    lab(security, "AuthorizationPolicy", "appe-shared-l7", "waypoint", "second"),
  ),
  "AuthorizationPolicy/appe-waypoint-only": only(
    "cross-namespace",
    lab(security, "AuthorizationPolicy", "appe-waypoint-only", "ztunnel", "second"),
  ),
  "AuthorizationPolicy/appe-shared-only": only(
    "cross-namespace",
    lab(security, "AuthorizationPolicy", "appe-shared-only", "ztunnel", "second"),
  ),
  "Deployment/grpc": only("grpc", lab(apps, "Deployment", "grpc", "app")),
  "Service/grpc": only("grpc", lab(core, "Service", "grpc", "waypoint")),
  "AuthorizationPolicy/grpc-l7": only("grpc", lab(security, "AuthorizationPolicy", "grpc-l7", "waypoint")),
  "AuthorizationPolicy/grpc-waypoint-only": only(
    "grpc",
    lab(security, "AuthorizationPolicy", "grpc-waypoint-only", "ztunnel"),
  ),
  "Deployment/appf": only("strict-mtls", lab(apps, "Deployment", "appf", "app")),
  "Deployment/appg": only("strict-mtls", lab(apps, "Deployment", "appg", "app")),
  "DaemonSet/sniffer": only("strict-mtls", lab(apps, "DaemonSet", "sniffer", "nodes")),
  "PeerAuthentication/appf-strict": only("strict-mtls", lab(security, "PeerAuthentication", "appf-strict", "ztunnel")),
  "Deployment/loadgen": only("chaos", lab(apps, "Deployment", "loadgen", "app")),
  "Secret/gateway-tls": only("gateway-tls", lab(core, "Secret", "gateway-tls", "gateway")),
  "HTTPRoute/gateway-tls": only("gateway-tls", lab(gatewayApi, "HTTPRoute", "gateway-tls", "gateway")),
  "HTTPRoute/gateway-tls-redirect": only(
    "gateway-tls",
    lab(gatewayApi, "HTTPRoute", "gateway-tls-redirect", "gateway"),
  ),
  "Secret/gateway-jwt-issuer": only("gateway-jwt", lab(core, "Secret", "gateway-jwt-issuer", "gateway")),
  "HTTPRoute/gateway-jwt-route": only("gateway-jwt", lab(gatewayApi, "HTTPRoute", "gateway-jwt-route", "gateway")),
  "RequestAuthentication/gateway-jwt": only(
    "gateway-jwt",
    lab(security, "RequestAuthentication", "gateway-jwt", "gateway"),
  ),
  "AuthorizationPolicy/gateway-jwt-claim": only(
    "gateway-jwt",
    lab(security, "AuthorizationPolicy", "gateway-jwt-claim", "gateway"),
  ),
} as const satisfies Record<string, ObjectSpec>;
