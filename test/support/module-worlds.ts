import { patched, removed, scaledToZero } from "./live-lab";
import type { LiveWorld } from "./worlds";

const policy = "authorizationpolicy";
const route = "httproute";
const gateways = "gateways.gateway.networking.k8s.io";
const missing = (what: string) => `${what} does not exist`;

/** Changes to a running lab with all modules with which the verifier must not pass. */
export const moduleWorlds: readonly LiveWorld[] = [
  {
    name: "fail-open: the policy that the experiment removes does not exist",
    breaks: removed(policy, "appb-waypoint-only"),
    detectedBy: { "fail-open": "fail ztunnel" },
    cause: missing("AuthorizationPolicy/appb-waypoint-only"),
  },
  {
    name: "l4-l7: ztunnel's DENY policy deleted",
    breaks: removed(policy, "appc-l4-deny"),
    detectedBy: { "l4-l7": "fail ztunnel" },
    cause: missing("AuthorizationPolicy/appc-l4-deny"),
  },
  {
    name: "l4-l7: the waypoint's DENY policy names another caller",
    breaks: patched(policy, "appc-l7-deny", [
      { op: "replace", path: "/spec/rules/0/from/0/source/principals/0", value: "cluster.local/ns/default/sa/strange" },
    ]),
    detectedBy: { "l4-l7": "fail waypoint" },
    cause: "missing: DENY any method",
  },
  {
    name: "traffic-split: everything goes to the second version",
    breaks: patched(route, "appb-split", [
      { op: "replace", path: "/spec/rules/2/backendRefs/0/weight", value: 0 },
      { op: "replace", path: "/spec/rules/2/backendRefs/1/weight", value: 100 },
    ]),
    detectedBy: { "traffic-split": "fail waypoint" },
    cause: "missing: route prefix / →",
  },
  {
    name: "traffic-split: clients can bypass the waypoint of the second version",
    breaks: removed(policy, "appb-v2-waypoint-only"),
    detectedBy: { "traffic-split": "fail ztunnel" },
    cause: missing("AuthorizationPolicy/appb-v2-waypoint-only"),
  },
  {
    name: "resilience: aborted with another status",
    breaks: patched("virtualservice", "appb-resilience", [
      { op: "replace", path: "/spec/http/0/fault/abort/httpStatus", value: 503 },
    ]),
    detectedBy: { resilience: "fail waypoint" },
    cause: "aborted with 410",
  },
  {
    name: "resilience: no rate limit",
    breaks: removed("envoyfilter", "appb-limited"),
    detectedBy: { resilience: "fail waypoint" },
    cause: missing("EnvoyFilter/appb-limited"),
  },
  {
    name: "egress: the DENY policy of the forbidden host deleted",
    breaks: removed(policy, "forbidden-deny", "egress"),
    detectedBy: { egress: "fail waypoint" },
    cause: missing("AuthorizationPolicy/forbidden-deny"),
  },
  {
    name: "egress: the partner's host does not use the waypoint",
    breaks: patched(
      "serviceentry",
      "partner",
      [{ op: "remove", path: "/metadata/labels/istio.io~1use-waypoint" }],
      "egress",
    ),
    detectedBy: { egress: "fail waypoint" },
    cause: "no HTTP chain for partner.example",
  },
  {
    name: "cross-namespace: the shared waypoint accepts only its own namespace",
    breaks: patched(gateways, "shared-waypoint", [
      { op: "replace", path: "/spec/listeners/0/allowedRoutes/namespaces", value: { from: "Same" } },
    ]),
    detectedBy: { "cross-namespace": "fail waypoint" },
    cause: "no HTTP chain for appe-shared",
  },
  {
    name: "cross-namespace: the second appa is allowed in the first namespace",
    breaks: patched(policy, "appb-l7", [
      { op: "add", path: "/spec/rules/0/from/0/source/principals/-", value: "cluster.local/ns/second/sa/appa" },
    ]),
    detectedBy: { "cross-namespace": "fail waypoint" },
    cause: "cluster.local/ns/second/sa/appa",
  },
  {
    name: "grpc: every method of the service is allowed",
    breaks: patched(policy, "grpc-l7", [{ op: "remove", path: "/spec/rules/0/to/0/operation/paths" }]),
    detectedBy: { grpc: "fail waypoint" },
    cause: "missing: ALLOW POST",
  },
  {
    name: "strict-mtls: PeerAuthentication is PERMISSIVE",
    breaks: patched("peerauthentication", "appf-strict", [
      { op: "replace", path: "/spec/mtls/mode", value: "PERMISSIVE" },
    ]),
    detectedBy: { "strict-mtls": "fail ztunnel" },
    cause: "none on appf",
  },
  {
    name: "agentgateway: the control has no policy",
    breaks: removed(policy, "apph-envoy-l7"),
    detectedBy: { agentgateway: "fail waypoint" },
    cause: missing("AuthorizationPolicy/apph-envoy-l7"),
  },
  {
    name: "agentgateway: scaled to 0",
    breaks: scaledToZero("agentgateway"),
    detectedBy: { agentgateway: "fail waypoint" },
    cause: "Deployment/agentgateway is scaled to 0",
  },
  {
    name: "chaos: no load is sent",
    breaks: scaledToZero("loadgen"),
    detectedBy: { chaos: "fail app" },
    cause: "Deployment/loadgen is scaled to 0",
    recheck: "apps",
  },
  {
    name: "gateway-tls: the certificate deleted",
    breaks: removed("secret", "gateway-tls"),
    detectedBy: { "gateway-tls": "fail gateway" },
    cause: missing("Secret/gateway-tls"),
  },
  {
    name: "gateway-tls: HTTP is not redirected",
    breaks: removed(route, "gateway-tls-redirect"),
    detectedBy: { "gateway-tls": "fail gateway" },
    cause: missing("HTTPRoute/gateway-tls-redirect"),
  },
  {
    name: "gateway-jwt: tokens are not validated",
    breaks: removed("requestauthentication", "gateway-jwt"),
    detectedBy: { "gateway-jwt": "fail gateway" },
    cause: missing("RequestAuthentication/gateway-jwt"),
  },
  {
    name: "gateway-jwt: no token is required",
    breaks: removed(policy, "gateway-jwt-claim"),
    detectedBy: { "gateway-jwt": "fail gateway" },
    cause: missing("AuthorizationPolicy/gateway-jwt-claim"),
  },
  {
    name: "cost: the policy of the sidecar deleted",
    breaks: removed(policy, "cost-sidecar-l7"),
    detectedBy: { "cost-policies": "fail sidecar" },
    cause: missing("AuthorizationPolicy/cost-sidecar-l7"),
  },
  {
    name: "cost: the Service does not use the waypoint",
    breaks: patched("service", "cost-waypoint", [{ op: "remove", path: "/metadata/labels/istio.io~1use-waypoint" }]),
    detectedBy: { "cost-policies": "fail waypoint", cost: "fail waypoint" },
    cause: "label istio.io/use-waypoint is absent",
  },
  {
    name: "cost: the client outside the mesh is in the mesh",
    breaks: async (lab) => {
      const mode = "/spec/template/metadata/labels/istio.io~1dataplane-mode";
      const undo = await patched("deployment", "cost-none-client", [{ op: "remove", path: mode }])(lab);
      // For a few seconds, the old pod still exists beside the new one.
      const rolledOut = () => lab.kubectl(["rollout", "status", "deployment/cost-none-client", "--timeout=90s"]);
      await rolledOut();
      return async () => {
        await undo();
        await rolledOut();
      };
    },
    detectedBy: { cost: "fail app" },
    recheck: "cost-policies",
  },
  {
    name: "cost: the server with a sidecar is scaled to 0",
    breaks: scaledToZero("cost-sidecar"),
    detectedBy: { "cost-policies": "fail app", cost: "fail app" },
    cause: "Deployment/cost-sidecar is scaled to 0",
  },
];
