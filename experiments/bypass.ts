import type { LabSettings } from "../config/schema";
import { meshPath, policies } from "./objects";
import { forbiddenMethod, pathFor, podGate, request, usualMethod } from "./requests";
import type { Client } from "./slices";
import type { Experiment, Probe } from "./types";

/** Row 15: the ways past the waypoint. */
export const bypass: Experiment = {
  id: "bypass",
  title: "No request bypasses the waypoint",
  question: "Does appb's own ztunnel refuse requests that do not come through the waypoint?",
  why: "The caller's side selects the way through the waypoint: a request to a pod's address, or from a caller outside the mesh, bypasses it. A policy on appb's pods that allows the waypoint's identity alone refuses such requests at layer 4: the connection is reset.",
  rows: [15],
  objects: [...meshPath, "Deployment/stranger", "Deployment/outsider", ...policies],
  steps: (settings) => [
    podGate("appb"),
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
    name: settings.closeBypass
      ? `${from} is refused at ${door}`
      : `${from} reaches ${door} past the waypoint, as configured`,
    from,
    to,
    method,
    path: pathFor(method),
    expect: settings.closeBypass
      ? { outcome: "reset", by: "ztunnel", policy: "AuthorizationPolicy/appb-waypoint-only" }
      : { outcome: "answered", through: [] },
  };
}
