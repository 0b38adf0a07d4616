import { bound, check, podGate, rollouts, rulesGate } from "../../experiments/checks";
import { answered, ask, refused, reset } from "../../experiments/requests";
import type { Experiment } from "../../experiments/types";

/** Waypoints across two namespaces, and a Service that its waypoint does not admit. */
export const crossNamespace: Experiment = {
  id: "cross-namespace",
  module: "cross-namespace",
  tour: { id: "namespaces", title: "Two namespaces, and which of their waypoints a request goes through" },
  title: "Across namespaces the Service selects the waypoint, if the waypoint admits it",
  question:
    "Which waypoint does a request to another namespace go through, and may a Service use a waypoint of another namespace?",
  why: "The waypoint belongs to the Service that is called, not to the caller: requests of appa in the first namespace go through the waypoint of the second. A Service may name a waypoint of another namespace (use-waypoint-namespace) if the waypoint's listener admits the Service's namespace (allowedRoutes). If not, Istio reports it in the Service's status and sends the requests past the waypoint: only the policy on the pods refuses them. An identity includes the namespace: a policy that names one appa does not mean the other.",
  rows: [],
  objects: [
    "Namespace/default",
    "Namespace/second",
    "DaemonSet/ztunnel",
    "Deployment/appa",
    "Deployment/stranger",
    "Deployment/second-appa",
    "Deployment/appe",
    "Gateway/second-waypoint",
    "Deployment/second-waypoint",
    "Gateway/shared-waypoint",
    "Deployment/shared-waypoint",
    "Gateway/waypoint",
    "Deployment/waypoint",
    "Service/appe",
    "Service/appe-shared",
    "Service/appe-unadmitted",
    "AuthorizationPolicy/appe-l7",
    "AuthorizationPolicy/appe-shared-l7",
    "AuthorizationPolicy/appe-waypoint-only",
    "AuthorizationPolicy/appe-shared-only",
    "AuthorizationPolicy/appb-l7",
  ],
  steps: () => [
    rollouts(
      "rollouts of the second namespace and of both waypoints",
      "Deployment/appe",
      "Deployment/second-appa",
      "Deployment/second-waypoint",
      "Deployment/shared-waypoint",
    ),
    bound("Service/appe", "second/second-waypoint"),
    bound("Service/appe-shared", "default/shared-waypoint"),
    check("the waypoint of the story does not admit Service appe-unadmitted", {
      check: "condition",
      object: "Service/appe-unadmitted",
      type: "istio.io/WaypointBound",
      status: "False",
      messageIncludes: 'not permitted to attach to waypoint "default/waypoint"',
    }),
    podGate("appe"),
    rulesGate("appe"),
    rulesGate("appe-shared"),
    ask("appa", "GET", "appe", "appa goes through the waypoint of the second namespace", answered("waypoint")),
    ask("second-appa", "GET", "appe", "appa of the second namespace goes through it as well", answered("waypoint")),
    ask("appa", "POST", "appe", "appa may not POST", refusedByAppe),
    ask("stranger", "GET", "appe", "stranger may not", refusedByAppe),
    ask("appa", "GET", "appe-shared", "appa goes through the waypoint of the first namespace", answered("waypoint")),
    ask(
      "second-appa",
      "GET",
      "appe-shared",
      "appa of the second namespace goes through it as well",
      answered("waypoint"),
    ),
    ask("stranger", "GET", "appe-shared", "stranger may not there either", refusedByShared),
    ask("second-appa", "GET", "appb", "appa of the second namespace may not call appb", refusedByAppb),
    ask("appa", "GET", "appe-unadmitted", "appa does not reach appe-unadmitted without a waypoint", shut),
    { ...ask("appa", "GET", "appe", "appa does not reach appe's pod past the waypoint", shut), to: "pod" },
  ],
};

const refusedByAppe = refused("AuthorizationPolicy/appe-l7");
const refusedByShared = refused("AuthorizationPolicy/appe-shared-l7");
const refusedByAppb = refused("AuthorizationPolicy/appb-l7");
const shut = reset("AuthorizationPolicy/appe-waypoint-only");
