import type { LabSettings } from "../../config/schema";
import { gatewayPath, meshPath, policies } from "../../experiments/objects";
import { allowedClients, forbiddenMethod, pathFor, request, usualMethod } from "../../experiments/requests";
import type { Client } from "../../experiments/slices";
import type { Experiment, Probe, Stage } from "../../experiments/types";

/** What becomes of appb when its guards are taken away, one after the other. */
export const failOpen: Experiment = {
  id: "fail-open",
  module: "fail-open",
  tour: { id: "fail-open", title: "Take the waypoint away, too: who notices that nobody guards appb?" },
  title: "Without its guards appb is open to everybody, and with them back it is shut",
  question: "Who reaches appb without the waypoint-only policy, and who without the waypoint as well?",
  why: "Nothing in the mesh demands a waypoint: the caller's side chooses it, by a label of the Service. Without the policy on appb's pods a caller outside the mesh, or one who dials a pod, walks in. Without the waypoint the policy of layer 7 is still there, accepted, and enforced by nobody. Both guards are changed in place for seconds, the original in an annotation of the object itself: an interrupted run is mended by the next one.",
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
      return "allowedMethods and allowedCallers refuse nobody in the mesh";
    return undefined;
  },
  steps: (settings) => [
    { kind: "check", name: "open, walked through, shut", check: "fail-open", stages: stages(settings) },
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
  const shutOut = probe("outsider", "service", "outsider is shut out of Service appb", reset);
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
        probe("outsider", "service", "outsider walks in by Service appb", straight),
        probe("stranger", "pod", "stranger walks in by appb's pod address", straight),
        { ...refused, name: `at the waypoint ${refused.name}, still` },
      ],
    },
    {
      name: "without the waypoint as well",
      takes: "waypoint",
      probes: [
        probe("stranger", "service", "stranger walks in by Service appb", straight),
        probe("host", "gateway", `the gateway lets ${method} through`, { outcome: "answered", through: ["gateway"] }),
      ],
    },
    {
      name: "shut by the policy alone",
      returns: "policy",
      probes: [probe("stranger", "service", "stranger is shut out of Service appb", reset), shutOut],
    },
    { name: "guarded again", returns: "waypoint", probes: guarded },
  ];
}
