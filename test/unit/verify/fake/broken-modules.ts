import { type BrokenWorld, edit, remove } from "./breaks";
import { brokenAgentgateway } from "./broken-agentgateway";
import { brokenChaos } from "./broken-chaos";
import { brokenCost } from "./broken-cost";
import { brokenEgress } from "./broken-egress";
import { brokenModuleEndpoints } from "./broken-endpoints";
import { brokenGateway } from "./broken-gateway";
import { brokenGrpc } from "./broken-grpc";
import { brokenNamespaces } from "./broken-namespaces";
import { brokenResilience } from "./broken-resilience";
import { brokenSplit } from "./broken-split";
import { brokenStrictMtls } from "./broken-strict-mtls";

const waypoint = { layer: "waypoint" };
const ztunnel = { layer: "ztunnel" };

/** Changes with which the verifier must not pass a lab with modules. */
export const brokenModules: BrokenWorld[] = [
  {
    name: "fail-open: the policy that the experiment removes does not exist",
    settings: { modules: ["fail-open"] },
    breaks: remove("AuthorizationPolicy/default/appb-waypoint-only"),
    detectedBy: { "fail-open": ztunnel },
    drift: "AuthorizationPolicy/appb-waypoint-only does not exist",
  },
  {
    name: "fail-open: the Service has no waypoint",
    settings: { modules: ["fail-open"] },
    breaks: edit("Service/default/appb", ["metadata", "labels", "istio.io/use-waypoint"], undefined),
    detectedBy: { "fail-open": waypoint },
    drift: "label istio.io/use-waypoint is absent",
  },
  {
    name: "fail-open: ztunnel does not get the change",
    settings: { modules: ["fail-open"] },
    breaks: (state) => state.stopIstiod(),
    detectedBy: { "fail-open": { layer: "istiod" } },
  },
  {
    name: "fail-open: the logs cannot be read, so that the outsider's requests have no records",
    settings: { modules: ["fail-open"] },
    breaks: (state) => {
      state.logsBroken = true;
    },
    detectedBy: { "fail-open": { layer: "waypoint", verdict: "inconclusive" } },
  },
  {
    name: "l4-l7: ztunnel's DENY policy deleted",
    settings: { modules: ["l4-l7"] },
    breaks: remove("AuthorizationPolicy/default/appc-l4-deny"),
    detectedBy: { "l4-l7": ztunnel },
    drift: "AuthorizationPolicy/appc-l4-deny does not exist",
  },
  {
    name: "l4-l7: the waypoint's DENY policy names another caller",
    drift: "AuthorizationPolicy/appc-l7-deny: spec.rules[0].from[0].source.principals[0] is",
    settings: { modules: ["l4-l7"] },
    breaks: edit(
      "AuthorizationPolicy/default/appc-l7-deny",
      ["spec", "rules", 0, "from", 0, "source", "principals"],
      ["cluster.local/ns/default/sa/strange"],
    ),
    detectedBy: { "l4-l7": waypoint },
  },
  {
    name: "l4-l7: appc-l7 is not sent through the waypoint",
    drift: "Service/appc-l7: label app is absent",
    settings: { modules: ["l4-l7"] },
    breaks: edit("Service/default/appc-l7", ["metadata", "labels"], {}),
    detectedBy: { "l4-l7": waypoint },
  },
  {
    name: "l4-l7: the rule with HTTP fields has none",
    drift: "AuthorizationPolicy/appd-misplaced: spec.rules[0].to is absent",
    settings: { modules: ["l4-l7"] },
    breaks: edit("AuthorizationPolicy/default/appd-misplaced", ["spec", "rules", 0, "to"], undefined),
    detectedBy: { "l4-l7": ztunnel },
  },
  {
    name: "l4-l7: appc down",
    settings: { modules: ["l4-l7"] },
    breaks: (state) => state.scale("default/appc"),
    detectedBy: { "l4-l7": { layer: "app" } },
  },
  {
    name: "l4-l7: another policy refuses instead of the lab's policy",
    settings: { modules: ["l4-l7"] },
    breaks: (state) => {
      const { spec, metadata, ...rest } = state.get("AuthorizationPolicy/default/appc-l7-deny");
      state.objects.delete("AuthorizationPolicy/default/appc-l7-deny");
      const name = "somebody-elses";
      state.objects.set(`AuthorizationPolicy/default/${name}`, { ...rest, spec, metadata: { ...metadata, name } });
    },
    detectedBy: { "l4-l7": waypoint },
    drift: "AuthorizationPolicy/appc-l7-deny does not exist",
  },
  ...brokenSplit,
  ...brokenResilience,
  ...brokenEgress,
  ...brokenNamespaces,
  ...brokenGrpc,
  ...brokenStrictMtls,
  ...brokenChaos,
  ...brokenGateway,
  ...brokenAgentgateway,
  ...brokenCost,
  ...brokenModuleEndpoints,
];
