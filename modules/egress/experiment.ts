import { bound, check, rollouts, rulesGate } from "../../experiments/checks";
import { answered, ask, refused } from "../../experiments/requests";
import type { ServiceName } from "../../experiments/slices";
import type { Experiment, Sample } from "../../experiments/types";
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
    rollouts(
      "rollouts of the server outside and of the egress waypoint",
      "Deployment/external",
      "Deployment/egress-waypoint",
    ),
    bound("ServiceEntry/partner", "egress/egress-waypoint"),
    bound("ServiceEntry/forbidden", "egress/egress-waypoint"),
    rulesGate("partner"),
    rulesGate("forbidden"),
    ask("appa", "GET", "partner", "appa may GET partner.example", answered("waypoint")),
    check("allowed requests reach the server, once each", {
      check: "outcome",
      sample: sample("partner"),
      status: 200,
      flags: "-",
      attempts: 1,
    }),
    ask("appa", "POST", "partner", "appa may not POST partner.example", refusedByPartner),
    ask("stranger", "GET", "partner", "stranger may not GET partner.example", refusedByPartner),
    ask("appa", "GET", "forbidden", "appa may not GET forbidden.example", refusedByForbidden),
    check("requests for the forbidden host never reach the server", {
      check: "outcome",
      sample: sample("forbidden"),
      status: 403,
      flags: "-",
      attempts: 0,
    }),
    check("requests for the same server by a name without a waypoint bypass the policies", {
      check: "bypasses-waypoint",
      sample: sample("external"),
      control: sample("partner"),
    }),
  ],
};

const refusedByPartner = refused("AuthorizationPolicy/partner-l7");
const refusedByForbidden = refused("AuthorizationPolicy/forbidden-deny");

const sample = (service: ServiceName): Sample => ({
  from: "appa",
  method: "GET",
  path: "/anything",
  count: 5,
  service,
});
