import type { LabSettings } from "../../config/schema";
import { check } from "../../experiments/checks";
import { gatewayPath, meshPath, policies } from "../../experiments/objects";
import {
  allowedClients,
  answered,
  forbiddenMethod,
  pathFor,
  request,
  reset,
  usualMethod,
} from "../../experiments/requests";
import type { Client } from "../../experiments/slices";
import type { Experiment, Probe, Stage } from "../../experiments/types";

/** Requests to appb while its waypoint-only policy and its waypoint are taken away, one after the other. */
export const failOpen: Experiment = {
  id: "fail-open",
  module: "fail-open",
  tour: { id: "fail-open", title: "Take the waypoint away as well: nothing protects appb" },
  title: "Without its protections appb is open to every caller, and with them back it is closed",
  question: "Which callers reach appb without the waypoint-only policy, and which without the waypoint as well?",
  why: "Nothing in the mesh demands a waypoint: the caller's side selects it, by a label of the Service. Without the policy on appb's pods a caller outside the mesh, or one that connects to the pod's address, reaches appb. Without the waypoint the policy of layer 7 still exists, accepted, and no proxy enforces it. Both protections are changed in place for seconds, with the original in an annotation of the object itself: the next run restores what an interrupted run left.",
  rows: [],
  objects: [
    ...meshPath,
    "Deployment/stranger",
    "Deployment/outsider",
    ...policies,
    ...gatewayPath,
    "Deployment/istiod",
  ],
  alone: true,
  skip: ({ settings }) => {
    if (!settings.closeBypass) return "closeBypass is false: there is no policy to take away";
    if (forbiddenMethod(settings) === undefined && settings.allowedCallers.includes("stranger"))
      return "allowedMethods and allowedCallers refuse no caller in the mesh";
    return undefined;
  },
  steps: (settings) => [check("protections removed and restored", { check: "fail-open", stages: stages(settings) })],
};

function stages(settings: LabSettings): Stage[] {
  const method = forbiddenMethod(settings) ?? usualMethod(settings);
  const path = pathFor(method);
  const probe = (from: Client, to: Probe["to"], name: string, expect: Probe["expect"]): Probe => {
    return { kind: "probe", name, from, to, method, path, expect };
  };
  const resetByPolicy = reset("AuthorizationPolicy/appb-waypoint-only");
  const refused = request(settings, "stranger", method, path);
  const shutOut = probe("outsider", "service", "outsider is refused at Service appb", resetByPolicy);
  const guarded = [
    ...allowedClients(settings)
      .slice(0, 1)
      .map((client) => request(settings, client, usualMethod(settings))),
    refused,
    shutOut,
  ];
  return [
    { name: "guarded", probes: guarded },
    {
      name: "without the waypoint-only policy",
      takes: "policy",
      probes: [
        probe("outsider", "service", "outsider reaches Service appb", answered()),
        probe("stranger", "pod", "stranger reaches appb's pod address", answered()),
        { ...refused, name: `at the waypoint ${refused.name}, still` },
      ],
    },
    {
      name: "without the waypoint as well",
      takes: "waypoint",
      probes: [
        probe("stranger", "service", "stranger reaches Service appb", answered()),
        probe("host", "gateway", `the gateway lets ${method} through`, answered("gateway")),
      ],
    },
    {
      name: "closed by the policy alone",
      returns: "policy",
      probes: [probe("stranger", "service", "stranger is refused at Service appb", resetByPolicy), shutOut],
    },
    { name: "guarded again", returns: "waypoint", probes: guarded },
  ];
}
