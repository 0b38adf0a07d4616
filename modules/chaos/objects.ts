import type { Slice } from "../slice";

/** What is killed. */
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

/** The load, and what a kill may cost it. */
export const numbers = {
  /** Requests a second that the load aims at; a machine that is busy sends fewer. */
  perSecond: 5,
  /** Share of them that must have been sent for a run to say anything. */
  atLeast: 0.5,
  /** A request without an answer after this time counts as lost. */
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

export const chaos = {
  objects: { "Deployment/loadgen": "app" },
  workloads: { loadgen: { mesh: true } },
} as const satisfies Slice;
