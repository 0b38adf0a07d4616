import { gatewayPath, meshPath, policies } from "./objects";
import { request, usualMethod } from "./requests";
import type { Experiment } from "./types";

/** Row 10: the gateway uses the waypoint. */
export const ingressThroughWaypoint: Experiment = {
  id: "ingress-through-waypoint",
  title: "Traffic of the gateway goes through the waypoint",
  question: "Does the gateway send appb's requests to the waypoint instead of straight to the pod?",
  why: "use-waypoint alone applies to callers inside the mesh; a gateway bypasses the waypoint unless the Service has the label ingress-use-waypoint. Then its endpoint for appb is the waypoint's port 15008.",
  rows: [10],
  objects: [...meshPath, ...gatewayPath, ...policies, "VirtualService/appb-fault"],
  steps: (settings) => [
    { kind: "check", name: "rollout of the waypoint", check: "rollouts", objects: ["Deployment/waypoint"] },
    {
      kind: "check",
      name: "Service appb is bound, ingress included",
      check: "condition",
      object: "Service/appb",
      type: "istio.io/WaypointBound",
      messageIncludes: "Ingress traffic will traverse the waypoint",
    },
    {
      kind: "check",
      name: "the gateway's endpoint for appb is the waypoint",
      check: "proxy-config",
      of: "gateway",
      parts: ["routes"],
    },
    request(settings, "host", usualMethod(settings)),
  ],
};
