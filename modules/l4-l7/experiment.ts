import { condition, podGate, rollouts, rulesGate } from "../../experiments/checks";
import { meshPath } from "../../experiments/objects";
import { answered, ask, refused, reset } from "../../experiments/requests";
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
    rollouts("rollouts of appc and appd", "Deployment/appc", "Deployment/appd"),
    podGate("appc"),
    podGate("appd"),
    rulesGate("appc-l7"),
    condition(
      "Istio says that the policy on appd restricts more than was asked",
      "AuthorizationPolicy/appd-misplaced",
      "ZtunnelAccepted",
      "more restrictive than requested",
    ),
    get("appa", "appc", "appa reaches appc past the waypoint", answered()),
    get("appa", "appc-l7", "appa reaches appc through the waypoint", answered("waypoint")),
    get("stranger", "appc", "stranger is reset by appc's ztunnel", reset("AuthorizationPolicy/appc-l4-deny")),
    get("stranger", "appc-l7", "stranger is answered 403 by the waypoint", refused("AuthorizationPolicy/appc-l7-deny")),
    get("appa", "appd", "appa is reset by appd's ztunnel, although the policy names it and GET", misplaced),
  ],
};

const misplaced = reset("AuthorizationPolicy/appd-misplaced");

const get = (from: Client, service: ServiceName, name: string, expect: Expectation): Probe =>
  ask(from, "GET", service, name, expect, "/get");
