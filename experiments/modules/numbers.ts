/** What the module traffic-split declares and proves. */
export const split = {
  /** Who sends it meets the new version, whatever the weights. */
  canary: { name: "x-canary", value: "v2" },
  /** Path prefix whose requests the new version gets a copy of. */
  mirroredPath: "/anything/mirrored",
} as const;

/** What the module grpc declares and proves: methods of gRPC's own health service. */
export const health = {
  /** The only one that its policy allows. */
  allowed: "/grpc.health.v1.Health/Check",
  /** The server answers it as well: that it does not implement it. */
  other: "/grpc.health.v1.Health/List",
  /** What the server writes for each {@link allowed} that it serves. */
  served: "Serving the Check request",
} as const;

/** What the module resilience declares and proves; durations in milliseconds. */
export const resilience = {
  abort: { path: "/status", status: 410 },
  timeout: { path: "/delay", ms: 1_000 },
  /** Attempts beside the first one. */
  retries: { path: "/unstable", attempts: 3 },
  /** Requests at once, and how many a second after that. */
  limit: { burst: 10, perSecond: 2 },
} as const;
