import { bound, check, condition, configGate, podGate, rollouts } from "../../experiments/checks";
import { answered, ask, refused, reset } from "../../experiments/requests";
import type { LabObject, ServiceName } from "../../experiments/slices";
import type { Check, Experiment, Outcome } from "../../experiments/types";
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
    rollouts(
      "rollouts of apph and of both waypoints",
      "Deployment/apph",
      "Deployment/agentgateway",
      "Deployment/waypoint",
    ),
    check("both waypoints have the same configuration", {
      check: "same-spec",
      pairs: [
        ["AuthorizationPolicy/apph-l7", "AuthorizationPolicy/apph-envoy-l7"],
        ["VirtualService/apph-fault", "VirtualService/apph-envoy-fault"],
        ["HTTPRoute/apph-routed", "HTTPRoute/apph-envoy-routed"],
      ],
    }),
    bound("Service/apph", "default/agentgateway"),
    bound("Service/apph-routed", "default/agentgateway"),
    bound("Service/apph-envoy", "default/waypoint"),
    bound("Service/apph-envoy-routed", "default/waypoint"),
    accepted("AuthorizationPolicy/apph-l7", "WaypointAccepted", "bound to default/agentgateway"),
    accepted("AuthorizationPolicy/apph-envoy-l7", "WaypointAccepted", "bound to default/waypoint"),
    accepted("HTTPRoute/apph-routed", "Accepted"),
    accepted("HTTPRoute/apph-envoy-routed", "Accepted"),
    podGate("apph"),
    configGate("configuration of apph-envoy", "apph-envoy"),
    configGate("configuration of apph-envoy-routed", "apph-envoy-routed"),
    ask("appa", "GET", "apph-envoy", "control: Envoy lets appa GET", answered("waypoint")),
    ask("appa", "POST", "apph-envoy", "control: Envoy does not let appa POST", refusedByEnvoy),
    ask("stranger", "GET", "apph-envoy", "control: Envoy does not let stranger GET", refusedByEnvoy),
    ask("appa", "GET", "apph", "agentgateway is on the way to apph", answered("waypoint")),
    ask(
      "appa",
      "POST",
      "apph",
      "agentgateway lets appa POST, in spite of the policy that was accepted",
      answered("waypoint"),
    ),
    ask("stranger", "GET", "apph", "agentgateway lets stranger GET, in spite of the policy", answered("waypoint")),
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
      ...timedOut,
      flags: "UT",
    }),
    outcome("agentgateway applies it as well", "apph-routed", `/delay/${slowSeconds}`, {
      ...timedOut,
      flags: "Timeout",
    }),
  ],
};

const refusedByEnvoy = refused("AuthorizationPolicy/apph-envoy-l7");
const shut = reset("AuthorizationPolicy/apph-waypoint-only");
const timedOut = { status: 504, attempts: 1, between: [timeout.ms, slowSeconds * 1_000] } as const;

const accepted = (object: LabObject, type: string, message?: string): Check =>
  condition(`${object} is ${message ?? "accepted"}`, object, type, message);

const outcome = (name: string, service: ServiceName, path: string, expected: Outcome): Check =>
  check(name, { check: "outcome", sample: { from: "appa", method: "GET", path, count: 5, service }, ...expected });
