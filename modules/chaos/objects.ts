import type { Slice } from "../slice";

/** Targets of the kills. */
export const killTargets = ["istiod", "ztunnel", "waypoint", "node"] as const;
export type KillTarget = (typeof killTargets)[number];

/** Upper bounds for the effects of a kill. */
export interface Bound {
  /** Failed requests. */
  lost: number;
  /** Longest time between two successful requests, in milliseconds. */
  gapMs: number;
  /** Milliseconds from the kill until the target runs again and no request fails any more. */
  backMs: number;
}

/** The load, and the bounds of each kill. */
export const numbers = {
  /** Target rate of the load in requests per second; a busy machine sends fewer. */
  perSecond: 5,
  /** Share of the target rate that must have been reached; below it a run is inconclusive. */
  atLeast: 0.5,
  /** A request without an answer after this time counts as lost. */
  timeoutMs: 2_000,
  /** Successful requests in a row that count as steady, before a kill and after it. */
  calm: 15,
  /** Time that a killed node stays down: long enough for requests to fail, too short for Kubernetes to move its pods. */
  downMs: 10_000,
  /**
   * At least twice what was measured on two busy cores (docs/reference/modules.md), so that a laptop keeps the bounds, and less than
   * when the target does not come back.
   */
  bounds: {
    // Requests do not depend on istiod: none may be lost.
    istiod: { lost: 0, gapMs: 5_000, backMs: 60_000 },
    // The next ztunnel listens before the last has ended; the connections through the last one break.
    ztunnel: { lost: 50, gapMs: 10_000, backMs: 30_000 },
    // The only replica: requests fail until the next one is ready, which takes seconds with the image in the node.
    waypoint: { lost: 150, gapMs: 30_000, backMs: 45_000 },
    // The node restarts with all of its pods. Kubernetes itself would move them after five minutes.
    node: { lost: 600, gapMs: 120_000, backMs: 180_000 },
  } satisfies Record<KillTarget, Bound>,
} as const;

export const chaos = {
  objects: { "Deployment/loadgen": "app" },
  workloads: { loadgen: { mesh: true } },
} as const satisfies Slice;
