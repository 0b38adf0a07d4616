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

/** What the module gateway-tls declares and proves. */
export const gatewayTls = {
  hostOf: (domain: string) => `secure.${domain}`,
  /** How long a certificate holds, and from how many days before its end on an "up" makes another. */
  days: { ca: 3650, certificate: 90, renewal: 30 },
  /** A certificate that ends within so many days is no good one: every "up" of three weeks has failed to renew it. */
  leastDays: 7,
} as const;

/** What the module gateway-jwt declares and proves. */
export const gatewayJwt = {
  hostOf: (domain: string) => `jwt.${domain}`,
  /** Who makes the tokens, and for whom: names, nobody is asked there. */
  issuerOf: (domain: string) => `https://issuer.${domain}`,
  audienceOf: (domain: string) => `jwt.${domain}`,
  claim: { name: "groups", value: "lab" },
  /** Where the private key of the issuer lies, for those who make tokens. */
  secret: { name: "gateway-jwt-issuer", key: "private.pem" },
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

/** Who is killed by the module chaos. */
export const killTargets = ["istiod", "ztunnel", "waypoint", "node"] as const;
export type KillTarget = (typeof killTargets)[number];

/** What a kill may cost at most. */
export interface Bound {
  /** Requests without a good answer. */
  lost: number;
  /** Longest time between two good answers, in milliseconds. */
  gapMs: number;
  /** Milliseconds from the kill until what was killed is there again, and every request is answered for good. */
  backMs: number;
}

/** The module chaos: a steady load, and what becomes of it. */
export const chaos = {
  /** Requests a second that the load aims at; a machine that is busy sends fewer. */
  perSecond: 5,
  /** Share of them that must have been sent for a run to say anything. */
  atLeast: 0.5,
  /** After so long a request counts as lost. */
  timeoutMs: 2_000,
  /** Requests in a row, all good, that count as calm: before a kill and after it. */
  calm: 15,
  /** How long a killed node stays down: long enough to be missed, too short for Kubernetes to move its pods. */
  downMs: 10_000,
  /**
   * At least twice what was measured on two cores with twenty other things to do (docs/modules.md), so that a laptop
   * keeps them; and below what it takes when nobody comes back.
   */
  bounds: {
    // The data plane asks it nothing: not one request may be lost, however long its next pod takes.
    istiod: { lost: 0, gapMs: 5_000, backMs: 60_000 },
    // The next one listens before the last has ended: what breaks are the connections that the last one carried.
    ztunnel: { lost: 50, gapMs: 10_000, backMs: 30_000 },
    // There is one, and nobody answers for it until the next one is ready: seconds, with its image in the node.
    waypoint: { lost: 150, gapMs: 30_000, backMs: 45_000 },
    // Down, up, and all of its pods anew. Kubernetes itself would move them after five minutes.
    node: { lost: 600, gapMs: 120_000, backMs: 180_000 },
  } satisfies Record<KillTarget, Bound>,
} as const;
