import type { Slice } from "../slice";

/** The header of requests that are routed to the second version, whatever the weights. */
export const canary = { name: "x-canary", value: "v2" } as const;

/** Path prefix whose requests are copied to the second version. */
export const mirroredPath = "/anything/mirrored";

export const trafficSplit = {
  objects: {
    "Deployment/appb-v2": "app",
    "Service/appb-split": "waypoint",
    "HTTPRoute/appb-split": "waypoint",
    "AuthorizationPolicy/appb-split-l7": "waypoint",
    "AuthorizationPolicy/appb-v2-waypoint-only": "ztunnel",
  },
  workloads: {
    "appb-v2": { mesh: true, policy: "AuthorizationPolicy/appb-v2-waypoint-only" },
  },
  services: {
    "appb-v1": { pods: "appb" },
    "appb-v2": { pods: "appb-v2" },
    "appb-split": { pods: "appb", policy: "AuthorizationPolicy/appb-split-l7" },
  },
} as const satisfies Slice;
