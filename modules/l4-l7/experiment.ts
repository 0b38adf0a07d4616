import { principalOf } from "../../config/vocabulary";
import { meshPath } from "../../experiments/objects";
import type { Client, ServiceName } from "../../experiments/slices";
import type { Expectation, Experiment, Probe } from "../../experiments/types";

/** One rule, told to ztunnel and to the waypoint; and one of layer 7 told to whom it says nothing. */
export const l4l7: Experiment = {
  id: "l4-l7",
  module: "l4-l7",
  tour: { id: "layers", title: "One denial, told twice: to ztunnel and to the waypoint" },
  title: "The same denial is a reset at layer 4, and a 403 at layer 7",
  question:
    "How does a caller learn of a denial by ztunnel, how of one by the waypoint, and what becomes of a rule about HTTP that ztunnel has to enforce?",
  why: "Who enforces a policy follows from what it is attached to. On pods (selector) it is their ztunnel, which reads no HTTP and can only end the connection; on a Service (targetRefs) it is the waypoint, which answers. An ALLOW rule about a method on pods is left out, so that the policy allows nobody: Istio accepts it, says so in its status, and fails safe.",
  rows: [],
  objects: [
    ...meshPath.filter((object) => object !== "Deployment/appb" && object !== "Service/appb"),
    ...(["Deployment/stranger", "Deployment/appc", "Deployment/appd", "Service/appc-l7"] as const),
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
    known("appc", "appc-l4-deny"),
    known("appd", "appd-misplaced"),
    {
      kind: "check",
      name: "rules of AuthorizationPolicy appc-l7-deny at the waypoint",
      check: "front",
      service: "appc-l7",
      wanted: [`DENY any method ${principalOf("stranger")}`],
      gate: true,
    },
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

const known = (app: "appc" | "appd", policy: string) =>
  ({
    kind: "check",
    name: `policy ${policy} at ${app}'s ztunnel`,
    check: "pod-policies",
    app,
    policies: [`default/${policy}`],
    gate: true,
  }) as const;

const get = (from: Client, service: ServiceName, name: string, expect: Expectation): Probe => {
  return { kind: "probe", name, from, to: "service", service, method: "GET", path: "/get", expect };
};
