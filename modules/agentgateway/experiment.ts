import { podGate } from "../../experiments/requests";
import type { LabObject, ServiceName } from "../../experiments/slices";
import type { Check, Expectation, Experiment, Outcome } from "../../experiments/types";
import { answered, ask, refused } from "../requests";
import { numbers } from "../resilience/objects";
import { objectsIn } from "../slice";
import { agentgateway as slice } from "./objects";

const { abort, timeout } = numbers;
/** Longer than the timeout, so that an answer is that of the waypoint. */
const slowSeconds = 3;

/** A waypoint of agentgateway beside one of Envoy, with the same configuration. */
export const agentgateway: Experiment = {
  id: "agentgateway",
  module: "agentgateway",
  tour: { id: "agentgateway", title: "A waypoint of agentgateway, and a policy that it does not get" },
  title: "A waypoint of agentgateway obeys HTTPRoutes, and neither AuthorizationPolicy nor VirtualService",
  question: "Which of an Envoy waypoint's tasks does Istio's other waypoint, agentgateway, take over?",
  why: "istiod sends an agentgateway Services, endpoints and Gateway API routes, and neither AuthorizationPolicies nor VirtualServices. The policy's status says that the agentgateway accepted it (WaypointAccepted), and the waypoint still lets every identity of the mesh through. The policy on the pods is enforced by ztunnel as ever: it restricts the waypoint through which the pods are reached, not the callers. The same policy, VirtualService and HTTPRoute at an Envoy are the control.",
  rows: [],
  objects: [
    "Namespace/default",
    "DaemonSet/ztunnel",
    "Deployment/appa",
    "Deployment/stranger",
    "Gateway/waypoint",
    "Deployment/waypoint",
    ...objectsIn(slice),
  ],
  steps: () => [
    {
      kind: "check",
      name: "rollouts of apph and of both waypoints",
      check: "rollouts",
      objects: ["Deployment/apph", "Deployment/agentgateway", "Deployment/waypoint"],
    },
    {
      kind: "check",
      check: "same-spec",
      name: "both waypoints have the same configuration",
      pairs: [
        ["AuthorizationPolicy/apph-l7", "AuthorizationPolicy/apph-envoy-l7"],
        ["VirtualService/apph-fault", "VirtualService/apph-envoy-fault"],
        ["HTTPRoute/apph-routed", "HTTPRoute/apph-envoy-routed"],
      ],
    },
    accepted("Service/apph", "istio.io/WaypointBound", "attached to waypoint default/agentgateway"),
    accepted("Service/apph-routed", "istio.io/WaypointBound", "attached to waypoint default/agentgateway"),
    accepted("Service/apph-envoy", "istio.io/WaypointBound", "attached to waypoint default/waypoint"),
    accepted("Service/apph-envoy-routed", "istio.io/WaypointBound", "attached to waypoint default/waypoint"),
    accepted("AuthorizationPolicy/apph-l7", "WaypointAccepted", "bound to default/agentgateway"),
    accepted("AuthorizationPolicy/apph-envoy-l7", "WaypointAccepted", "bound to default/waypoint"),
    accepted("HTTPRoute/apph-routed", "Accepted"),
    accepted("HTTPRoute/apph-envoy-routed", "Accepted"),
    podGate("apph"),
    { kind: "check", check: "proxy-config", of: "apph-envoy", gate: true, name: "configuration of apph-envoy" },
    {
      kind: "check",
      check: "proxy-config",
      of: "apph-envoy-routed",
      gate: true,
      name: "configuration of apph-envoy-routed",
    },
    ask("appa", "GET", "apph-envoy", "control: Envoy lets appa GET", answered),
    ask("appa", "POST", "apph-envoy", "control: Envoy does not let appa POST", refusedByEnvoy),
    ask("stranger", "GET", "apph-envoy", "control: Envoy does not let stranger GET", refusedByEnvoy),
    ask("appa", "GET", "apph", "agentgateway is on the way to apph", answered),
    ask("appa", "POST", "apph", "agentgateway lets appa POST, in spite of the policy that was accepted", answered),
    ask("stranger", "GET", "apph", "agentgateway lets stranger GET, in spite of the policy", answered),
    { ...ask("appa", "GET", "apph", "appa does not reach apph's pod past the waypoint", shut), to: "pod" },
    ask("outsider", "GET", "apph", "outsider, not in the mesh, does not reach apph", shut),
    outcome("control: Envoy obeys the VirtualService", "apph-envoy", `${abort.path}/200`, {
      status: abort.status,
      flags: "FI",
      attempts: 0,
    }),
    outcome("agentgateway ignores the VirtualService", "apph", `${abort.path}/200`, {
      status: 200,
      flags: "-",
      attempts: 1,
    }),
    outcome("control: Envoy applies the HTTPRoute's timeout", "apph-envoy-routed", `/delay/${slowSeconds}`, {
      status: 504,
      flags: "UT",
      attempts: 1,
      between: [timeout.ms, slowSeconds * 1_000],
    }),
    outcome("agentgateway applies it as well", "apph-routed", `/delay/${slowSeconds}`, {
      status: 504,
      flags: "Timeout",
      attempts: 1,
      between: [timeout.ms, slowSeconds * 1_000],
    }),
  ],
};

const refusedByEnvoy = refused("AuthorizationPolicy/apph-envoy-l7");
const shut: Expectation = { outcome: "reset", by: "ztunnel", policy: "AuthorizationPolicy/apph-waypoint-only" };

const accepted = (object: LabObject, type: string, messageIncludes?: string): Check => ({
  kind: "check",
  check: "condition",
  object,
  type,
  name: `${object} is ${messageIncludes ?? "accepted"}`,
  ...(messageIncludes ? { messageIncludes } : {}),
});

const outcome = (name: string, service: ServiceName, path: string, expected: Outcome): Check => ({
  kind: "check",
  check: "outcome",
  name,
  sample: { from: "appa", method: "GET", path, count: 5, service },
  ...expected,
});
