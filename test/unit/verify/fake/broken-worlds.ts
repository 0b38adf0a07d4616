import { type BrokenWorld, edit, remove } from "./breaks";
import { brokenByAdditions } from "./broken-additions";
import { brokenEndpoints } from "./broken-endpoints";
import { brokenByOthers } from "./broken-others";
import { brokenShares } from "./broken-shares";

const l7 = "AuthorizationPolicy/default/appb-l7";
const fault = "VirtualService/default/appb-fault";
const waypoint = { layer: "waypoint" };

/** Changes with which the verifier must not pass. */
export const brokenWorlds: BrokenWorld[] = [
  {
    name: "waypoint deleted",
    breaks: remove("Gateway/default/waypoint", "Deployment/default/waypoint"),
    detectedBy: {
      "ingress-through-waypoint": waypoint,
      "waypoint-traversed": waypoint,
      "authz-methods": waypoint,
      gateway: waypoint,
    },
    drift: "Gateway/waypoint does not exist",
  },
  {
    name: "waypoint scaled to 0",
    breaks: (state) => state.scale("default/waypoint"),
    detectedBy: {
      "ingress-through-waypoint": waypoint,
      "authz-principals": waypoint,
      "fault-delay": waypoint,
      gateway: waypoint,
    },
  },
  {
    name: "label use-waypoint removed",
    breaks: edit("Service/default/appb", ["metadata", "labels", "istio.io/use-waypoint"], undefined),
    detectedBy: { "ingress-through-waypoint": waypoint, "waypoint-traversed": waypoint, "authz-methods": waypoint },
    drift: "label istio.io/use-waypoint is absent",
  },
  {
    name: "label ingress-use-waypoint removed",
    breaks: edit("Service/default/appb", ["metadata", "labels", "istio.io/ingress-use-waypoint"], undefined),
    detectedBy: { "ingress-through-waypoint": waypoint, gateway: waypoint },
    drift: "label istio.io/ingress-use-waypoint is absent",
  },
  {
    name: "policy deleted",
    breaks: remove(l7),
    detectedBy: {
      "authz-methods": waypoint,
      "authz-principals": waypoint,
      "authz-flip": waypoint,
      "proxy-config": waypoint,
    },
    drift: "AuthorizationPolicy/appb-l7 does not exist",
  },
  {
    name: "policy without GET",
    breaks: edit(l7, ["spec", "rules", 0, "to", 0, "operation", "methods"], ["POST"]),
    detectedBy: { "authz-methods": waypoint, "authz-principals": waypoint },
    drift: "AuthorizationPolicy/appb-l7: spec.rules[0].to[0].operation.methods[0] is POST, the stack says GET",
  },
  {
    name: "principal misspelled",
    breaks: edit(l7, ["spec", "rules", 0, "from", 0, "source", "principals", 0], "cluster.local/ns/default/sa/apppa"),
    detectedBy: { "authz-principals": waypoint, "authz-flip": waypoint, "proxy-config": waypoint },
    drift: "apppa",
  },
  {
    name: "waypoint-only policy deleted",
    breaks: remove("AuthorizationPolicy/default/appb-waypoint-only"),
    detectedBy: { bypass: { layer: "ztunnel" } },
    drift: "AuthorizationPolicy/appb-waypoint-only does not exist",
  },
  {
    name: "namespace label removed",
    breaks: edit("Namespace//default", ["metadata", "labels"], {}),
    detectedBy: {
      enrolment: { layer: "ztunnel" },
      hbone: { layer: "ztunnel" },
      certificates: { layer: "ztunnel" },
      bypass: { layer: "ztunnel" },
    },
    drift: "label istio.io/dataplane-mode is absent",
  },
  {
    name: "ztunnel of appb's node down",
    breaks: (state) => {
      state.nodesWithoutZtunnel.add("ambient-lab-dev-worker2");
      edit("DaemonSet/istio-system/ztunnel", ["status", "numberReady"], 2)(state);
    },
    detectedBy: {
      "control-plane": { layer: "ztunnel" },
      hbone: { layer: "ztunnel" },
      gateway: { layer: "ztunnel" },
      bypass: { layer: "ztunnel" },
    },
  },
  {
    name: "waypoint of another Istio",
    breaks: edit(
      "Deployment/default/waypoint",
      ["spec", "template", "spec", "containers", 0, "image"],
      "docker.io/istio/proxyv2:1.31.0-distroless",
    ),
    detectedBy: { "control-plane": waypoint },
  },
  {
    name: "appb down",
    breaks: (state) => state.scale("default/appb"),
    detectedBy: {
      apps: { layer: "app" },
      gateway: { layer: "app" },
      "authz-methods": { layer: "app" },
      bypass: { layer: "app" },
    },
  },
  ...[0, 100, 30].map((percent) => ({
    name: `fault at ${percent} %`,
    breaks: edit(fault, ["spec", "http", 0, "fault", "delay", "percentage", "value"], percent),
    detectedBy: { "fault-delay": waypoint, "proxy-config": waypoint },
    drift: `VirtualService/appb-fault: spec.http[0].fault.delay.percentage.value is ${percent}, the stack says 50`,
  })),
  {
    name: "fault delay of 200 ms",
    breaks: edit(fault, ["spec", "http", 0, "fault", "delay", "fixedDelay"], "200ms"),
    detectedBy: { "fault-delay": waypoint, "proxy-config": waypoint },
    drift: "spec.http[0].fault.delay.fixedDelay is 200ms, the stack says 2s",
  },
  {
    name: "VirtualService without catch-all",
    breaks: (state) => {
      const { http } = state.get(fault).spec as { http: unknown[] };
      http.pop();
    },
    detectedBy: { "fault-delay": waypoint, gateway: waypoint, "authz-methods": waypoint },
    drift: "VirtualService/appb-fault: spec.http[1] is absent",
  },
  {
    name: "MetalLB pool deleted",
    breaks: remove("IPAddressPool/metallb-system/lab"),
    detectedBy: { "load-balancer": { layer: "load-balancer" } },
    drift: "IPAddressPool/lab does not exist",
  },
  {
    name: "listener's hostname changed",
    breaks: edit("Gateway/default/gateway", ["spec", "listeners", 0, "hostname"], "*.example.org"),
    detectedBy: { gateway: { layer: "gateway" }, "ingress-through-waypoint": { layer: "gateway" } },
    drift: "Gateway/gateway: spec.listeners[0].hostname is *.example.org, the stack says *.opssec.in",
  },
  {
    name: "HTTPRoute detached",
    breaks: edit("HTTPRoute/default/appb", ["spec", "parentRefs", 0, "name"], "another"),
    detectedBy: { gateway: { layer: "gateway" }, "proxy-config": { layer: "gateway" } },
    drift: "HTTPRoute/appb: spec.parentRefs[0].name is another, the stack says gateway",
  },
  {
    name: "istiod down",
    breaks: (state) => state.stopIstiod(),
    detectedBy: { "control-plane": { layer: "istiod" }, "authz-flip": { layer: "istiod" } },
  },
  {
    name: "clock skew between node and host",
    breaks: (state) => {
      state.skewMs = -600_000;
    },
    detectedBy: { nodes: { layer: "nodes" } },
  },
  {
    name: "logs unavailable",
    breaks: (state) => {
      state.logsBroken = true;
    },
    detectedBy: {
      "authz-methods": { layer: "waypoint", verdict: "inconclusive" },
      "ingress-through-waypoint": { layer: "gateway", verdict: "inconclusive" },
      bypass: { layer: "waypoint", verdict: "inconclusive" },
    },
  },
  {
    name: "Prometheus absent",
    breaks: remove("Service/istio-system/prometheus"),
    detectedBy: { prometheus: { layer: "prometheus" } },
    drift: "Service/prometheus does not exist",
  },
  ...brokenByAdditions,
  ...brokenByOthers,
  ...brokenShares,
  ...brokenEndpoints,
];
