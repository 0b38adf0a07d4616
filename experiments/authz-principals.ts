import { gatewayPath, meshPath, policies } from "./objects";
import { request, rulesGate, usualMethod } from "./requests";
import type { Experiment } from "./types";

/** Row 13: the allowed callers. */
export const authzPrincipals: Experiment = {
  id: "authz-principals",
  title: "The waypoint knows the callers by identity",
  question: "Does the waypoint let through exactly the identities that the policy names?",
  why: "Callers with the same image on the same network differ only in their ServiceAccount. ztunnel presents its certificate to the waypoint.",
  rows: [13],
  objects: [...meshPath, "Deployment/stranger", ...policies, ...gatewayPath, "VirtualService/appb-fault"],
  steps: (settings) => [
    rulesGate("appb"),
    request(settings, "appa", usualMethod(settings)),
    request(settings, "stranger", usualMethod(settings)),
    request(settings, "host", usualMethod(settings)),
  ],
};
