import type { LabFacts } from "../../experiments/types";
import type { VerifyOptions } from "../../verify";
import { realClock } from "../../verify/eventually";
import { blindKubeconfig, namespaceLeft, withoutAccessLog, ztunnelFrozen } from "./breakages";
import { type LiveLab, patched, removed, scaledToZero, type Undo } from "./live-lab";

/** A change that breaks a running lab, and the results that the verifier must have. */
export interface LiveWorld {
  name: string;
  /** Breaks the lab, and returns the undo. */
  breaks(lab: LiveLab): Promise<Undo>;
  /** Experiments that must detect the break, each as "verdict layer". The table shows the first one. */
  detectedBy: Readonly<Record<string, string>>;
  /** Part of the cause that the report must name. */
  cause?: string;
  /** The experiment that must pass after the undo. @default the first of `detectedBy` */
  recheck?: string;
  /** Options of the run, if the break is on the side of the verifier. */
  seen?(lab: LiveLab): { facts?: LabFacts; options?: VerifyOptions };
}

const l7 = "authorizationpolicy";
const appb = "service";
const fault = "/spec/http/0/fault/delay";
const nothing = async (): Promise<Undo> => async () => undefined;

const faultAt = (percent: number): LiveWorld => ({
  name: `fault at ${percent} %`,
  breaks: patched("virtualservice", "appb-fault", [
    { op: "replace", path: `${fault}/percentage/value`, value: percent },
  ]),
  detectedBy: { "proxy-config": "fail waypoint", "fault-delay": "fail waypoint" },
  cause: `spec.http[0].fault.delay.percentage.value is ${percent}, the stack says 50`,
});

/** Changes to a running lab with which the verifier must not pass. */
export const liveWorlds: readonly LiveWorld[] = [
  {
    name: "waypoint deleted",
    breaks: removed("gateways.gateway.networking.k8s.io", "waypoint"),
    detectedBy: { "ingress-through-waypoint": "fail waypoint", "authz-principals": "fail waypoint" },
    cause: "Gateway/waypoint does not exist",
  },
  {
    name: "waypoint scaled to 0",
    breaks: scaledToZero("waypoint"),
    detectedBy: { "ingress-through-waypoint": "fail waypoint", "authz-principals": "fail waypoint" },
    cause: "Deployment/waypoint is scaled to 0",
  },
  {
    name: "Service label use-waypoint removed",
    breaks: patched(appb, "appb", [{ op: "remove", path: "/metadata/labels/istio.io~1use-waypoint" }]),
    detectedBy: { "ingress-through-waypoint": "fail waypoint", "authz-principals": "fail waypoint" },
    cause: "label istio.io/use-waypoint is absent",
  },
  {
    name: "label ingress-use-waypoint removed",
    breaks: patched(appb, "appb", [{ op: "remove", path: "/metadata/labels/istio.io~1ingress-use-waypoint" }]),
    detectedBy: { "ingress-through-waypoint": "fail waypoint", gateway: "fail waypoint" },
    cause: "label istio.io/ingress-use-waypoint is absent",
  },
  {
    name: "policy deleted",
    breaks: removed(l7, "appb-l7"),
    detectedBy: { "authz-methods": "fail waypoint", "authz-flip": "fail waypoint" },
    cause: "AuthorizationPolicy/appb-l7 does not exist",
  },
  {
    name: "policy without GET",
    breaks: patched(l7, "appb-l7", [{ op: "replace", path: "/spec/rules/0/to/0/operation/methods", value: ["PUT"] }]),
    detectedBy: { "authz-methods": "fail waypoint" },
    cause: "spec.rules[0].to[0].operation.methods[0] is PUT, the stack says GET",
  },
  {
    name: "principal misspelled",
    breaks: patched(l7, "appb-l7", [
      { op: "replace", path: "/spec/rules/0/from/0/source/principals/0", value: "cluster.local/ns/default/sa/apppa" },
    ]),
    detectedBy: { "authz-principals": "fail waypoint", "authz-flip": "fail waypoint" },
    cause: "apppa",
  },
  {
    name: "waypoint-only policy deleted",
    breaks: removed(l7, "appb-waypoint-only"),
    detectedBy: { bypass: "fail ztunnel" },
    cause: "AuthorizationPolicy/appb-waypoint-only does not exist",
  },
  {
    name: "namespace label removed, pods restarted",
    breaks: namespaceLeft,
    detectedBy: { enrolment: "fail ztunnel", hbone: "fail ztunnel" },
    cause: "label istio.io/dataplane-mode is absent",
  },
  {
    name: "ztunnel of appb's node hangs",
    breaks: ztunnelFrozen,
    detectedBy: { "control-plane": "fail ztunnel", "authz-principals": "fail ztunnel" },
    cause: "DaemonSet/ztunnel has 2 of 3 pods ready",
  },
  {
    name: "appb down",
    breaks: scaledToZero("appb"),
    detectedBy: { apps: "fail app", "authz-principals": "fail app" },
    cause: "Deployment/appb is scaled to 0",
  },
  ...[0, 100, 30].map(faultAt),
  {
    name: "fault delay of 200 ms",
    breaks: patched("virtualservice", "appb-fault", [{ op: "replace", path: `${fault}/fixedDelay`, value: "200ms" }]),
    detectedBy: { "fault-delay": "fail waypoint" },
    cause: "spec.http[0].fault.delay.fixedDelay is 200ms, the stack says 2s",
  },
  {
    name: "VirtualService without catch-all",
    breaks: patched("virtualservice", "appb-fault", [{ op: "remove", path: "/spec/http/1" }]),
    detectedBy: { gateway: "fail waypoint", "authz-principals": "fail waypoint" },
    cause: "spec.http[1] is absent",
  },
  {
    name: "MetalLB pool deleted",
    breaks: removed("ipaddresspool", "lab", "metallb-system"),
    detectedBy: { "load-balancer": "fail load-balancer" },
    cause: "IPAddressPool/lab does not exist",
  },
  {
    name: "gateway listener's hostname changed",
    breaks: patched("gateways.gateway.networking.k8s.io", "gateway", [
      { op: "replace", path: "/spec/listeners/0/hostname", value: "*.example.org" },
    ]),
    detectedBy: { gateway: "fail gateway" },
    cause: "spec.listeners[0].hostname is *.example.org",
  },
  {
    name: "HTTPRoute detached",
    breaks: patched("httproute", "appb", [{ op: "replace", path: "/spec/parentRefs/0/name", value: "another" }]),
    detectedBy: { gateway: "fail gateway" },
    cause: "spec.parentRefs[0].name is another",
  },
  {
    name: "istiod down",
    breaks: scaledToZero("istiod", "istio-system"),
    detectedBy: { "control-plane": "fail istiod", "authz-flip": "inconclusive istiod" },
    cause: "Deployment/istiod is scaled to 0",
  },
  {
    // Host and nodes share the clock of one kernel, so the skew is simulated in the verifier.
    name: "clock skew of 10 minutes (this side's clock)",
    breaks: nothing,
    detectedBy: { nodes: "fail nodes" },
    seen: () => ({ options: { clock: { ...realClock, now: () => Date.now() + 600_000 } } }),
  },
  {
    name: "logs unavailable (no right to pods/log)",
    breaks: blindKubeconfig,
    detectedBy: { "authz-principals": "inconclusive waypoint" },
    seen: ({ facts }) => ({ facts: { ...facts, kubeconfig: `${facts.kubeconfig}.blind`, context: "blind" } }),
  },
  {
    name: "access log switched off",
    breaks: withoutAccessLog,
    detectedBy: { "authz-principals": "inconclusive waypoint" },
  },
  {
    name: "Prometheus absent",
    breaks: async (lab) =>
      lab.facts.settings.addons.includes("prometheus")
        ? removed("service", "prometheus", "istio-system")(lab)
        : nothing(),
    detectedBy: { prometheus: "fail prometheus" },
    cause: "Service/prometheus does not exist",
    // The experiment `prometheus` does not run in a lab without this addon.
    recheck: "control-plane",
    seen: ({ facts }) => ({ facts: { ...facts, settings: { ...facts.settings, addons: ["prometheus"] } } }),
  },
];
