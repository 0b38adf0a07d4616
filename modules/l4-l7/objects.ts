import type { Slice } from "../slice";

export const l4l7 = {
  objects: {
    "Deployment/appc": "app",
    "Deployment/appd": "app",
    "Service/appc-l7": "waypoint",
    "AuthorizationPolicy/appc-l4-deny": "ztunnel",
    "AuthorizationPolicy/appc-l7-deny": "waypoint",
    "AuthorizationPolicy/appd-misplaced": "ztunnel",
  },
  workloads: {
    appc: { mesh: true },
    appd: { mesh: true, policy: "AuthorizationPolicy/appd-misplaced" },
  },
  services: {
    appc: { pods: "appc" },
    "appc-l7": { pods: "appc" },
    appd: { pods: "appd" },
  },
} as const satisfies Slice;
