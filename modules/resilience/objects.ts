import type { Slice } from "../slice";

/** Faults and limits by path; durations in milliseconds. */
export const numbers = {
  abort: { path: "/status", status: 410 },
  timeout: { path: "/delay", ms: 1_000 },
  /** Retries after the first attempt. */
  retries: { path: "/unstable", attempts: 3 },
  /** Requests at once, and the number per second after that. */
  limit: { burst: 10, perSecond: 2 },
} as const;

const policy = "AuthorizationPolicy/appb-resilience-l7";

export const resilience = {
  objects: {
    "Service/appb-resilience": "waypoint",
    "Service/appb-limited": "waypoint",
    "VirtualService/appb-resilience": "waypoint",
    "EnvoyFilter/appb-limited": "waypoint",
    [policy]: "waypoint",
  },
  services: {
    "appb-resilience": { pods: "appb", policy },
    "appb-limited": { pods: "appb", policy },
  },
} as const satisfies Slice;
