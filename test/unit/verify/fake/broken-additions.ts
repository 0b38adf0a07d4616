import { principalOf } from "../../../../config/vocabulary";
import { type BrokenWorld, edit } from "./breaks";
import type { FakeState } from "./state";

const l7 = "AuthorizationPolicy/default/appb-l7";
const l4 = "AuthorizationPolicy/default/appb-waypoint-only";
/** The `from` of a rule that names a ServiceAccount of the namespace default. */
const from = (account: string) => [{ source: { principals: [principalOf(account)] } }];
const waypoint = { layer: "waypoint" };

/** Adds a policy like another one, under a name of its own. */
const alsoPolicy = (like: string, name: string, spec: object) => (state: FakeState) => {
  const policy = structuredClone(state.get(like));
  policy.metadata = { ...policy.metadata, name };
  policy.spec = { ...Object(policy.spec), ...spec };
  state.objects.set(`AuthorizationPolicy/default/${name}`, policy);
};

/** Adds a route of the story's VirtualService in front of the one for all other paths. */
const alsoRoute = (route: object) => (state: FakeState) => {
  const { http } = state.get("VirtualService/default/appb-fault").spec as { http: unknown[] };
  http.splice(1, 0, { ...Object(http[1]), ...route });
};
const anything = [{ uri: { prefix: "/anything" } }];

/** Worlds that hold all that the lab declares, and something more. */
export const brokenByAdditions: BrokenWorld[] = [
  {
    name: "another policy lets everybody in at a path that no proof asks for",
    breaks: alsoPolicy(l7, "debug", { rules: [{ to: [{ operation: { paths: ["/admin"] } }] }] }),
    detectedBy: { "authz-principals": waypoint, "proxy-config": waypoint },
    drift: "AuthorizationPolicy default/debug is not the lab's: it acts on Service appb",
  },
  {
    name: "another policy lets the gateway around the waypoint",
    breaks: alsoPolicy(l4, "scrape", { rules: [{ from: from("gateway-istio") }] }),
    detectedBy: { bypass: { layer: "ztunnel" } },
    drift: "AuthorizationPolicy default/scrape is not the lab's: it acts on pods with app=appb",
  },
  {
    name: "another policy denies appa",
    breaks: alsoPolicy(l7, "deny-appa", { action: "DENY", rules: [{ from: from("appa") }] }),
    detectedBy: { hbone: waypoint, "authz-principals": waypoint },
    drift: "AuthorizationPolicy default/deny-appa is not the lab's: it acts on Service appb",
  },
  {
    name: "a delay on a path that no proof asks for",
    breaks: alsoRoute({ match: anything, fault: { delay: { fixedDelay: "5s", percentage: { value: 100 } } } }),
    detectedBy: { "proxy-config": waypoint },
    drift: "VirtualService/appb-fault: spec.http[2] is ",
  },
  {
    name: "an abort on a path that no proof asks for",
    breaks: alsoRoute({ match: anything, fault: { abort: { httpStatus: 500, percentage: { value: 100 } } } }),
    detectedBy: { "proxy-config": waypoint },
    drift: "VirtualService/appb-fault: spec.http[2] is ",
  },
  {
    name: "the VirtualService leads to another Service",
    breaks: edit("VirtualService/default/appb-fault", ["spec", "http", 1, "route", 0, "destination", "host"], "appa"),
    detectedBy: { "proxy-config": waypoint },
    drift: "VirtualService/appb-fault: spec.http[1].route[0].destination.host is appa, the stack says appb",
  },
  ...(["Deployment/default/waypoint", "Deployment/default/appb"] as const).map((object) => ({
    name: `the new pod of ${object} does not get ready, and the old one stays`,
    breaks: edit(object, ["status"], { replicas: 2, updatedReplicas: 1, readyReplicas: 1 }),
    detectedBy: {
      [object.endsWith("appb") ? "apps" : "control-plane"]: { layer: object.endsWith("appb") ? "app" : "waypoint" },
    },
  })),
  {
    name: "nobody has looked at the change of a DaemonSet yet",
    breaks: (state) => {
      edit("DaemonSet/istio-system/ztunnel", ["metadata", "generation"], 2)(state);
      edit("DaemonSet/istio-system/ztunnel", ["status", "observedGeneration"], 1)(state);
    },
    detectedBy: { "control-plane": { layer: "ztunnel" } },
  },
  ...[2, "2"].map((observedGeneration) => ({
    name: `istiod has not looked at the gateway since it was changed (${typeof observedGeneration})`,
    breaks: (state: FakeState) => {
      edit("Gateway/default/gateway", ["metadata", "generation"], 3)(state);
      edit("Gateway/default/gateway", ["status", "conditions", 1, "observedGeneration"], observedGeneration)(state);
    },
    detectedBy: { gateway: { layer: "istiod" } },
  })),
  {
    name: "Grafana does not reach Prometheus",
    breaks: (state) => {
      state.grafanaWithoutSource = true;
    },
    detectedBy: { grafana: { layer: "grafana" } },
  },
  {
    name: "the waypoint does not show its counters",
    breaks: (state) => {
      state.metricsUnavailable = true;
    },
    detectedBy: {
      "waypoint-traversed": { layer: "waypoint", verdict: "inconclusive" },
      "authz-flip": { layer: "waypoint", verdict: "inconclusive" },
    },
  },
];
