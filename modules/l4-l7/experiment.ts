import { meshPath } from "../../experiments/objects";
import { podGate, rulesGate } from "../../experiments/requests";
import type { Client, ServiceName } from "../../experiments/slices";
import type { Expectation, Experiment, Probe } from "../../experiments/types";

/** The same denial at ztunnel and at the waypoint, and a layer 7 rule at ztunnel. */
export const l4l7: Experiment = {
  id: "l4-l7",
  module: "l4-l7",
  tour: { id: "layers", title: "The same denial at ztunnel and at the waypoint" },
  title: "The same denial is a reset at layer 4, and a 403 at layer 7",
  question:
    "What does a caller see of a denial by ztunnel, what of one by the waypoint, and what does ztunnel do with a rule about HTTP?",
  why: "The target of a policy decides which proxy enforces it. For pods (selector) it is their ztunnel, which reads no HTTP and can only close the connection; for a Service (targetRefs) it is the waypoint, which answers. ztunnel drops an ALLOW rule about a method, so that the policy allows no caller: Istio accepts the policy, reports that in its status, and fails closed.",
  rows: [],
  objects: [
    ...meshPath.filter((object) => object !== "Deployment/appb" && object !== "Service/appb"),
    "Deployment/stranger",
    "Deployment/appc",
    "Deployment/appd",
    "Service/appc-l7",
    "AuthorizationPolicy/appc-l4-deny",
    "AuthorizationPolicy/appc-l7-deny",
    "AuthorizationPolicy/appd-misplaced",
  ],
  steps: () => [
    {
      kind: "check",
      name: "rollouts of appc and appd",
      check: "rollouts",
      objects: ["Deployment/appc", "Deployment/appd"],
    },
    podGate("appc"),
    podGate("appd"),
    rulesGate("appc-l7"),
    {
      kind: "check",
      name: "Istio says that the policy on appd restricts more than was asked",
      check: "condition",
      object: "AuthorizationPolicy/appd-misplaced",
      type: "ZtunnelAccepted",
      messageIncludes: "more restrictive than requested",
    },
    get("appa", "appc", "appa reaches appc past the waypoint", { outcome: "answered", through: [] }),
    get("appa", "appc-l7", "appa reaches appc through the waypoint", { outcome: "answered", through: ["waypoint"] }),
    get("stranger", "appc", "stranger is reset by appc's ztunnel", {
      outcome: "reset",
      by: "ztunnel",
      policy: "AuthorizationPolicy/appc-l4-deny",
    }),
    get("stranger", "appc-l7", "stranger is answered 403 by the waypoint", {
      outcome: "refused",
      by: "waypoint",
      status: 403,
      policy: "AuthorizationPolicy/appc-l7-deny",
    }),
    get("appa", "appd", "appa is reset by appd's ztunnel, although the policy names it and GET", {
      outcome: "reset",
      by: "ztunnel",
      policy: "AuthorizationPolicy/appd-misplaced",
    }),
  ],
};

const get = (from: Client, service: ServiceName, name: string, expect: Expectation): Probe => {
  return { kind: "probe", name, from, to: "service", service, method: "GET", path: "/get", expect };
};
