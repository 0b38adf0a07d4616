import { type BrokenWorld, behaves, edit, remove } from "./breaks";

const settings = { modules: ["agentgateway"] } as const;
const detectedBy = { agentgateway: { layer: "waypoint" } };
const label = ["metadata", "labels", "istio.io/use-waypoint"];

/** Changes with which a lab with the module agentgateway must not pass. */
export const brokenAgentgateway: BrokenWorld[] = [
  {
    name: "agentgateway: it enforces the policy, which the experiment expects it to ignore",
    settings,
    breaks: (state) => {
      state.agentgatewayEnforces = true;
    },
    detectedBy,
  },
  {
    name: "agentgateway: the proxy is an Envoy",
    drift: "Gateway/agentgateway: spec.gatewayClassName is istio-waypoint",
    settings,
    breaks: edit("Gateway/default/agentgateway", ["spec", "gatewayClassName"], "istio-waypoint"),
    detectedBy,
  },
  {
    name: "agentgateway: down",
    settings,
    breaks: (state) => state.scale("default/agentgateway"),
    detectedBy,
  },
  {
    name: "agentgateway: apph does not use it",
    drift: "Service/apph: label istio.io/use-waypoint is absent",
    settings,
    breaks: (state) => {
      edit("Service/default/apph", label, undefined)(state);
      edit("Service/default/apph", ["status", "conditions"], [])(state);
    },
    detectedBy,
  },
  {
    name: "agentgateway: the policy deleted, so that it has no condition",
    settings,
    breaks: remove("AuthorizationPolicy/default/apph-l7"),
    detectedBy,
    drift: "AuthorizationPolicy/apph-l7 does not exist",
  },
  {
    name: "agentgateway: the policy allows every caller, so that an allowed request proves nothing",
    drift: "AuthorizationPolicy/apph-l7: spec.rules[0].from is absent",
    settings,
    breaks: edit("AuthorizationPolicy/default/apph-l7", ["spec", "rules"], [{}]),
    detectedBy,
  },
  {
    name: "agentgateway: its fault injection deleted",
    drift: "VirtualService/apph-fault: spec.http[0].fault is absent",
    settings,
    breaks: edit("VirtualService/default/apph-fault", ["spec", "http", 0, "fault"], undefined),
    detectedBy,
  },
  {
    name: "agentgateway: the control has no policy",
    settings,
    breaks: remove("AuthorizationPolicy/default/apph-envoy-l7"),
    detectedBy,
    drift: "AuthorizationPolicy/apph-envoy-l7 does not exist",
  },
  {
    name: "agentgateway: the control does not abort requests, despite its configuration",
    settings,
    breaks: behaves("VirtualService/default/apph-envoy-fault", ["spec", "http", 0, "fault"], {}),
    detectedBy,
  },
  {
    name: "agentgateway: its timeout deleted",
    drift: "HTTPRoute/apph-routed: spec.rules[0].timeouts is absent",
    settings,
    breaks: edit("HTTPRoute/default/apph-routed", ["spec", "rules", 0, "timeouts"], undefined),
    detectedBy,
  },
  {
    name: "agentgateway: the timeout of the control deleted",
    drift: "HTTPRoute/apph-envoy-routed: spec.rules[0].timeouts is absent",
    settings,
    breaks: edit("HTTPRoute/default/apph-envoy-routed", ["spec", "rules", 0, "timeouts"], undefined),
    detectedBy,
  },
  {
    name: "agentgateway: apph's pods allow every caller",
    settings,
    breaks: remove("AuthorizationPolicy/default/apph-waypoint-only", "AuthorizationPolicy/default/apph-envoy-only"),
    detectedBy: { agentgateway: { layer: "ztunnel" } },
    drift: "AuthorizationPolicy/apph-waypoint-only does not exist",
  },
  {
    name: "agentgateway: apph down",
    settings,
    breaks: (state) => state.scale("default/apph"),
    detectedBy: { agentgateway: { layer: "app" } },
  },
  {
    name: "agentgateway: the logs cannot be read",
    settings,
    breaks: (state) => {
      state.logsBroken = true;
    },
    detectedBy: { agentgateway: { layer: "waypoint", verdict: "inconclusive" } },
  },
];
