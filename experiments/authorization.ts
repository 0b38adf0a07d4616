import type { LabSettings } from "../config/schema";
import { methods } from "../config/vocabulary";
import { check, podGate, rulesGate } from "./checks";
import { gatewayPath, meshPath, policies } from "./objects";
import { allowedClients, answered, forbiddenMethod, pathFor, request, reset, usualMethod } from "./requests";
import type { Client } from "./slices";
import type { Experiment, Probe } from "./types";

/** Row 13: the allowed methods. */
export const authzMethods: Experiment = {
  id: "authz-methods",
  title: "The waypoint lets the allowed methods through, and no other",
  question: "Does the waypoint refuse every HTTP method that the policy does not name?",
  why: "One ALLOW policy on a Service denies everything else by default. A method is part of HTTP, so that only the waypoint can evaluate it; HEAD is a method of its own.",
  rows: [13],
  objects: [...meshPath, ...policies, ...gatewayPath, "VirtualService/appb-fault"],
  steps: (settings) => {
    const allowed = allowedClients(settings);
    const clients: Client[] = allowed.length > 0 ? allowed.slice(0, 2) : ["appa", "host"];
    return [
      rulesGate("appb"),
      ...clients.flatMap((client) => methods.map((method) => request(settings, client, method))),
    ];
  },
};

/** Row 13: the allowed callers. */
export const authzPrincipals: Experiment = {
  id: "authz-principals",
  title: "The waypoint admits callers by their identity",
  question: "Does the waypoint let through exactly the identities that the policy names?",
  why: "Callers with the same image on the same network differ only in their ServiceAccount. ztunnel presents its certificate to the waypoint.",
  rows: [13],
  objects: [...meshPath, "Deployment/stranger", ...policies, ...gatewayPath, "VirtualService/appb-fault"],
  steps: (settings) => [
    rulesGate("appb"),
    ...(["appa", "stranger", "host"] as const).map((client) => request(settings, client, usualMethod(settings))),
  ],
};

/** Row 15: the ways past the waypoint. */
export const bypass: Experiment = {
  id: "bypass",
  title: "Requests bypass the waypoint only if closeBypass is false",
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
  const [name, expect] = settings.closeBypass
    ? [`${from} is refused at ${door}`, reset("AuthorizationPolicy/appb-waypoint-only")]
    : [`${from} reaches ${door} past the waypoint, as configured`, answered()];
  return { kind: "probe", name, from, to, method, path: pathFor(method), expect };
}

/** Row 14: the effect of a change of the policy. */
export const authzFlip: Experiment = {
  id: "authz-flip",
  title: "Without appa in the policy appa is refused, and the gateway is not",
  question: "Does a policy without appa refuse appa alone, and the restored policy let it in again?",
  why: "The policy is changed in place for a few seconds, with its original in an annotation of the policy itself, so that the next run restores what an interrupted run left. Pulumi's ownership of the fields is restored as well.",
  rows: [14],
  objects: [...meshPath, ...policies, ...gatewayPath, "Deployment/istiod", "VirtualService/appb-fault"],
  alone: true,
  skip: ({ settings }) =>
    settings.allowedCallers.includes("appa")
      ? undefined
      : "allowedCallers does not name appa, there is nothing to take out",
  steps: () => [check("out, refused, back, answered", { check: "flip" })],
};
