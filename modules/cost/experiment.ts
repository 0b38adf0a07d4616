import { podGate, rollouts, rulesGate } from "../../experiments/checks";
import { answered, ask, refused, reset } from "../../experiments/requests";
import type { LabObject } from "../../experiments/slices";
import type { Crossing, Experiment } from "../../experiments/types";
import { clientOf, costPaths, interopServers, interopThroughWaypoint, serverOf } from "./objects";

const pods = costPaths.flatMap((path) => [
  `Deployment/${serverOf(path)}` as const,
  `Deployment/${clientOf(path)}` as const,
]) satisfies LabObject[];

const objects: readonly LabObject[] = [
  "Namespace/default",
  "DaemonSet/ztunnel",
  ...pods,
  "Service/cost-waypoint",
  "Gateway/cost-proxy",
  "Deployment/cost-proxy",
  "AuthorizationPolicy/cost-ztunnel-l4",
  "AuthorizationPolicy/cost-waypoint-l7",
  "AuthorizationPolicy/cost-waypoint-only",
  "AuthorizationPolicy/cost-sidecar-l7",
];

/** The same policy on each path: at layer 4 in ztunnel, at layer 7 in waypoint and sidecar. */
export const costPolicies: Experiment = {
  id: "cost-policies",
  module: "cost",
  title: "ztunnel, waypoint and sidecar enforce the same policy on the paths that are measured",
  question: "Do the paths that are compared do the same work: is the same caller allowed, and another one refused?",
  why: "A proxy that evaluates no policy is cheaper than one that does. ztunnel refuses by identity and closes the connection; waypoint and sidecar evaluate the method as well, and answer 403.",
  rows: [],
  objects: [...objects, "Deployment/stranger"],
  steps: () => [
    rollouts("rollouts of clients, servers and waypoint", ...pods, "Deployment/cost-proxy", "DaemonSet/cost-meter"),
    podGate("cost-ztunnel"),
    podGate("cost-waypoint"),
    rulesGate("cost-waypoint"),
    ask("cost-none-client", "GET", "cost-none", "the client outside the mesh is answered", straight),
    ask("cost-ztunnel-client", "GET", "cost-ztunnel", "the client of ztunnel is answered", straight),
    ask("cost-waypoint-client", "GET", "cost-waypoint", "the client of the waypoint is answered", answered("waypoint")),
    ask("cost-sidecar-client", "GET", "cost-sidecar", "the client with a sidecar is answered", straight),
    ask(
      "stranger",
      "GET",
      "cost-ztunnel",
      "ztunnel refuses another caller",
      reset("AuthorizationPolicy/cost-ztunnel-l4"),
    ),
    ask(
      "cost-waypoint-client",
      "POST",
      "cost-waypoint",
      "the waypoint refuses another method",
      refused("AuthorizationPolicy/cost-waypoint-l7"),
    ),
    { kind: "check", name: "the sidecar refuses another method", check: "sidecar-refuses" },
  ],
};

const straight = { outcome: "answered", through: [] } as const;

const interopPods = interopServers.map(({ app }) => `Deployment/${app}` as const) satisfies LabObject[];

/** Requests between the ambient mesh, sidecars and pods outside the mesh. */
export const interop: Experiment = {
  id: "interop",
  module: "cost",
  title: "Sidecars and the ambient mesh reach each other, and a sidecar does not pass a waypoint",
  question:
    "What happens to a request from a pod with a sidecar to the ambient mesh or to a Service with a waypoint, to one in the other direction, and what does a STRICT PeerAuthentication change?",
  why: "A sidecar sends to a pod of the ambient mesh by HBONE, and ztunnel sends so to a pod with a sidecar: both are mutual TLS, so that STRICT refuses plain text alone. A sidecar applies routes and policies of its own and sends to the pods of a Service, past its waypoint: a policy at the waypoint does not hold for it. Only the policy on the pods that allows the waypoint alone refuses it.",
  rows: [],
  objects: [
    "Namespace/default",
    "DaemonSet/ztunnel",
    ...pods,
    ...interopPods,
    "Service/interop-waypoint",
    "Gateway/cost-proxy",
    "Deployment/cost-proxy",
    "PeerAuthentication/interop-ambient-mtls",
    "PeerAuthentication/interop-sidecar-mtls",
    "AuthorizationPolicy/cost-waypoint-only",
  ],
  steps: () => [
    rollouts("rollouts of clients and servers", ...pods, ...interopPods, "Deployment/cost-proxy"),
    podGate("interop-ambient"),
    podGate("interop-ambient-strict"),
    podGate("cost-waypoint"),
    { kind: "check", name: "requests between both kinds of mesh", check: "crossings", crossings },
  ],
};

const crossings: readonly Crossing[] = [
  crossing("sidecar", "interop-ambient", "a sidecar reaches the ambient mesh", "app"),
  crossing("sidecar", "interop-ambient-strict", "a sidecar reaches the ambient mesh where it is STRICT", "app"),
  crossing("ztunnel", "interop-sidecar", "the ambient mesh reaches a sidecar", "app", { sidecar: true }),
  crossing("ztunnel", "interop-sidecar-strict", "the ambient mesh reaches a STRICT sidecar", "app", { sidecar: true }),
  crossing("none", "interop-ambient", "plain text reaches the ambient mesh", "app"),
  crossing("none", "interop-ambient-strict", "STRICT in the ambient mesh refuses plain text", "ztunnel"),
  crossing("none", "interop-sidecar", "plain text reaches a sidecar", "app", { sidecar: true }),
  crossing("none", "interop-sidecar-strict", "a STRICT sidecar refuses plain text", "sidecar", { sidecar: false }),
  crossing("ztunnel", interopThroughWaypoint, "the ambient mesh passes the waypoint", "app", { waypoint: true }),
  crossing("sidecar", interopThroughWaypoint, "a sidecar does not pass the waypoint", "app", { waypoint: false }),
  crossing("sidecar", "cost-waypoint", "the policy that allows the waypoint alone refuses a sidecar", "ztunnel", {
    waypoint: false,
  }),
];

function crossing(
  path: "none" | "ztunnel" | "sidecar",
  service: Crossing["service"],
  name: string,
  layer: Crossing["layer"],
  records: Crossing["records"] = {},
): Crossing {
  return { name, from: clientOf(path), service, answered: layer === "app", layer, records };
}

/** Measures what each path adds to latency, CPU and memory. */
export const cost: Experiment = {
  id: "cost",
  module: "cost",
  tour: { id: "cost", title: "What the mesh costs: outside it, ztunnel, waypoint, sidecars" },
  title: "The cost of ztunnel, waypoint and sidecars is measured side by side",
  question:
    "What do ztunnel, a waypoint and sidecars add to the latency of a request, how much CPU and memory do they use, and how does memory grow with the number of pods?",
  why: "Each pod with a sidecar runs a proxy of its own, at both ends of a request. In the ambient mesh all pods of a node share one ztunnel, which reads no HTTP; only requests to a Service with a waypoint pass a proxy for layer 7, once. What that saves depends on the load, on the number of pods and on the machine, so that it is measured here: in rounds that measure each path in turn, with the uncertainty of each number.",
  rows: [],
  objects: [...objects, "DaemonSet/cost-meter", "Deployment/cost-growth-ambient", "Deployment/cost-growth-sidecar"],
  alone: true,
  steps: () => [{ kind: "check", name: "cost of each path", check: "cost" }],
};
