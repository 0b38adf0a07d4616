import type { LabSettings } from "../config/schema";
import { meshPath, policies } from "./objects";
import { forbiddenMethod, pathFor, request, usualMethod } from "./requests";
import type { Client } from "./slices";
import type { Experiment, Probe } from "./types";

/** Row 15: the doors beside the waypoint. */
export const bypass: Experiment = {
  id: "bypass",
  title: "Nobody walks around the waypoint",
  question: "Does appb's own ztunnel refuse whoever does not come through the waypoint?",
  why: "The caller's side chooses the way through the waypoint: a pod address, or a caller outside the mesh, avoids it. A policy on appb's pods that lets in the waypoint's identity alone closes that door, at layer 4: the connection is reset.",
  rows: [15],
  objects: [...meshPath, "Deployment/stranger", "Deployment/outsider", ...policies],
  steps: (settings) => [
    ...(settings.closeBypass
      ? [
          {
            kind: "check",
            name: "policy appb-waypoint-only at appb's ztunnel",
            check: "l4-policy",
            gate: true,
          } as const,
        ]
      : []),
    request(settings, "appa", usualMethod(settings)),
    around(settings, "appa", "pod"),
    around(settings, "stranger", "pod"),
    around(settings, "outsider", "pod"),
    around(settings, "outsider", "service"),
  ],
};

function around(settings: LabSettings, from: Client, to: "pod" | "service"): Probe {
  const method = forbiddenMethod(settings) ?? "POST";
  const door = to === "pod" ? "appb's pod address" : "Service appb";
  return {
    kind: "probe",
    name: settings.closeBypass ? `${from} is shut out of ${door}` : `${from} walks around by ${door}, as configured`,
    from,
    to,
    method,
    path: pathFor(method),
    expect: settings.closeBypass
      ? { outcome: "reset", by: "ztunnel", policy: "AuthorizationPolicy/appb-waypoint-only" }
      : { outcome: "answered", through: [] },
  };
}
