import { rulesGate } from "../../experiments/requests";
import type { LabObject, ServiceName } from "../../experiments/slices";
import type { Check, Experiment, Sample } from "../../experiments/types";
import { answered, ask, refused } from "../requests";
import { objectsIn } from "../slice";
import { egress as slice } from "./objects";

/** Egress: what a waypoint for external hosts refuses, and which requests never go through it. */
export const egress: Experiment = {
  id: "egress",
  module: "egress",
  tour: { id: "egress", title: "Egress: an allowed host, a forbidden one, and one without a waypoint" },
  title: "Hosts outside the mesh are reached through the egress waypoint, as its policies say",
  question: "Which callers reach which host outside the mesh, what decides it, and which requests leave unchecked?",
  why: "A ServiceEntry makes a host known to the mesh, and its label sends callers to a waypoint, where policies are attached to the ServiceEntry. ztunnel answers the caller's DNS query with a virtual address of istiod's, so that no DNS server has to know the host. But ambient does not forbid unknown destinations: a request to the same server by another name leaves past every policy. Only a network that accepts egress traffic from the waypoint alone makes the waypoint the only way out.",
  rows: [],
  objects: ["Namespace/default", "DaemonSet/ztunnel", "Deployment/appa", "Deployment/stranger", ...objectsIn(slice)],
  steps: () => [
    {
      kind: "check",
      name: "rollouts of the server outside and of the egress waypoint",
      check: "rollouts",
      objects: ["Deployment/external", "Deployment/egress-waypoint"],
    },
    bound("ServiceEntry/partner"),
    bound("ServiceEntry/forbidden"),
    rulesGate("partner"),
    rulesGate("forbidden"),
    ask("appa", "GET", "partner", "appa may GET partner.example", answered),
    {
      kind: "check",
      check: "outcome",
      name: "allowed requests reach the server, once each",
      sample: sample("partner"),
      status: 200,
      flags: "-",
      attempts: 1,
    },
    ask("appa", "POST", "partner", "appa may not POST partner.example", refused("AuthorizationPolicy/partner-l7")),
    ask(
      "stranger",
      "GET",
      "partner",
      "stranger may not GET partner.example",
      refused("AuthorizationPolicy/partner-l7"),
    ),
    ask(
      "appa",
      "GET",
      "forbidden",
      "appa may not GET forbidden.example",
      refused("AuthorizationPolicy/forbidden-deny"),
    ),
    {
      kind: "check",
      check: "outcome",
      name: "requests for the forbidden host never reach the server",
      sample: sample("forbidden"),
      status: 403,
      flags: "-",
      attempts: 0,
    },
    {
      ...{
        kind: "check",
        check: "bypasses-waypoint",
        name: "requests for the same server by a name without a waypoint bypass the policies",
      },
      sample: sample("external"),
      control: sample("partner"),
    },
  ],
};

const bound = (object: LabObject): Check => ({
  kind: "check",
  check: "condition",
  object,
  type: "istio.io/WaypointBound",
  name: `${object} is bound to the egress waypoint`,
  messageIncludes: "egress/egress-waypoint",
});

const sample = (service: ServiceName): Sample => ({
  from: "appa",
  method: "GET",
  path: "/anything",
  count: 5,
  service,
});
