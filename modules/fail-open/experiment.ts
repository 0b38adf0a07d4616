import type { LabSettings } from "../../config/schema";
import { gatewayPath, meshPath, policies } from "../../experiments/objects";
import { allowedClients, forbiddenMethod, pathFor, request, usualMethod } from "../../experiments/requests";
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
  steps: (settings) => [
    { kind: "check", name: "protections removed and restored", check: "fail-open", stages: stages(settings) },
  ],
};

function stages(settings: LabSettings): Stage[] {
  const method = forbiddenMethod(settings) ?? usualMethod(settings);
  const path = pathFor(method);
  const probe = (from: Client, to: Probe["to"], name: string, expect: Probe["expect"]): Probe => {
    return { kind: "probe", name, from, to, method, path, expect };
  };
  const reset = { outcome: "reset", by: "ztunnel", policy: "AuthorizationPolicy/appb-waypoint-only" } as const;
  const straight = { outcome: "answered", through: [] } as const;
  const refused = request(settings, "stranger", method, path);
  const shutOut = probe("outsider", "service", "outsider is refused at Service appb", reset);
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
        probe("outsider", "service", "outsider reaches Service appb", straight),
        probe("stranger", "pod", "stranger reaches appb's pod address", straight),
        { ...refused, name: `at the waypoint ${refused.name}, still` },
      ],
    },
    {
      name: "without the waypoint as well",
      takes: "waypoint",
      probes: [
        probe("stranger", "service", "stranger reaches Service appb", straight),
        probe("host", "gateway", `the gateway lets ${method} through`, { outcome: "answered", through: ["gateway"] }),
      ],
    },
    {
      name: "closed by the policy alone",
      returns: "policy",
      probes: [probe("stranger", "service", "stranger is refused at Service appb", reset), shutOut],
    },
    { name: "guarded again", returns: "waypoint", probes: guarded },
  ];
}
