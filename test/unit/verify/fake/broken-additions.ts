import { principalOf } from "../../../../config/vocabulary";
import { type BrokenWorld, edit } from "./breaks";
import type { FakeState } from "./state";

const l7 = "AuthorizationPolicy/default/appb-l7";
const l4 = "AuthorizationPolicy/default/appb-waypoint-only";
/** The `from` of a rule that names a ServiceAccount of the namespace default. */
const from = (account: string) => [{ source: { principals: [principalOf(account)] } }];
const waypoint = { layer: "waypoint" };

/** Adds a copy of a policy with another name and changes. */
const alsoPolicy = (like: string, name: string, spec: object) => (state: FakeState) => {
  const policy = structuredClone(state.get(like));
  policy.metadata = { ...policy.metadata, name };
  policy.spec = { ...Object(policy.spec), ...spec };
  state.objects.set(`AuthorizationPolicy/default/${name}`, policy);
};

/** Adds a route to the story's VirtualService, before the route for all other paths. */
const alsoRoute = (route: object) => (state: FakeState) => {
  const { http } = state.get("VirtualService/default/appb-fault").spec as { http: unknown[] };
  http.splice(1, 0, { ...Object(http[1]), ...route });
};
const anything = [{ uri: { prefix: "/anything" } }];

/** Changes that add to the declared objects. */
export const brokenByAdditions: BrokenWorld[] = [
  {
    name: "another policy allows every caller at a path that no experiment uses",
    breaks: alsoPolicy(l7, "debug", { rules: [{ to: [{ operation: { paths: ["/admin"] } }] }] }),
    detectedBy: { "authz-principals": waypoint, "proxy-config": waypoint },
    drift: "AuthorizationPolicy default/debug is not the lab's: it acts on Service appb",
  },
  {
    name: "another policy allows the gateway to bypass the waypoint",
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
    name: "a delay on a path that no experiment uses",
    breaks: alsoRoute({ match: anything, fault: { delay: { fixedDelay: "5s", percentage: { value: 100 } } } }),
    detectedBy: { "proxy-config": waypoint },
    drift: "VirtualService/appb-fault: spec.http[2] is ",
  },
  {
    name: "an abort on a path that no experiment uses",
    breaks: alsoRoute({ match: anything, fault: { abort: { httpStatus: 500, percentage: { value: 100 } } } }),
    detectedBy: { "proxy-config": waypoint },
    drift: "VirtualService/appb-fault: spec.http[2] is ",
  },
  {
    name: "the VirtualService has another Service as destination",
    breaks: edit("VirtualService/default/appb-fault", ["spec", "http", 1, "route", 0, "destination", "host"], "appa"),
    detectedBy: { "proxy-config": waypoint },
    drift: "VirtualService/appb-fault: spec.http[1].route[0].destination.host is appa, the stack says appb",
  },
  ...(["Deployment/default/waypoint", "Deployment/default/appb"] as const).map((object) => ({
    name: `the new pod of ${object} does not become ready, and the old one remains`,
    breaks: edit(object, ["status"], { replicas: 2, updatedReplicas: 1, readyReplicas: 1 }),
    detectedBy: {
      [object.endsWith("appb") ? "apps" : "control-plane"]: { layer: object.endsWith("appb") ? "app" : "waypoint" },
    },
  })),
  {
    name: "the controller has not observed the change of a DaemonSet",
    breaks: (state) => {
      edit("DaemonSet/istio-system/ztunnel", ["metadata", "generation"], 2)(state);
      edit("DaemonSet/istio-system/ztunnel", ["status", "observedGeneration"], 1)(state);
    },
    detectedBy: { "control-plane": { layer: "ztunnel" } },
  },
  ...[2, "2"].map((observedGeneration) => ({
    name: `istiod has not observed the change of the gateway (${typeof observedGeneration})`,
    breaks: (state: FakeState) => {
      edit("Gateway/default/gateway", ["metadata", "generation"], 3)(state);
      edit("Gateway/default/gateway", ["status", "conditions", 1, "observedGeneration"], observedGeneration)(state);
    },
    detectedBy: { gateway: { layer: "istiod" } },
  })),
  {
    name: "Grafana cannot reach Prometheus",
    breaks: (state) => {
      state.grafanaWithoutSource = true;
    },
    detectedBy: { grafana: { layer: "grafana" } },
  },
  {
    name: "the metrics of the waypoint are not available",
    breaks: (state) => {
      state.metricsUnavailable = true;
    },
    detectedBy: {
      "waypoint-traversed": { layer: "waypoint", verdict: "inconclusive" },
      "authz-flip": { layer: "waypoint", verdict: "inconclusive" },
    },
  },
];
