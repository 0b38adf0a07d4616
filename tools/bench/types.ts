/** What can be measured. */
export const measures = ["up", "again", "flip", "preview", "destroy", "memory"] as const;
export type Measure = (typeof measures)[number];

/** Timed runs: of the lab, then the least that could do, a plain script, a program without resources, kind alone. */
export const allSeries = [
  "up",
  "again",
  "flip",
  "preview",
  "destroy",
  "script",
  "empty-up",
  "empty-preview",
  "kind-delete",
] as const;
export type Series = (typeof allSeries)[number];

/** Milliseconds of every run of a series, in order. */
export type Samples = Partial<Record<Series, readonly number[]>>;

/** A part of a longer run. */
export interface Span {
  name: string;
  /** Milliseconds from the run's start to the part's. */
  startMs: number;
  ms: number;
}

/** A pod of the mesh, its gateway or its waypoint included. */
export interface PodMemory {
  namespace: string;
  name: string;
  /** MiB that the scheduler keeps for it. */
  requestedMiB: number;
  /** MiB of its working set, where the kubelet tells. */
  usedMiB?: number;
}

/** What the mesh asks for, and what it takes. */
export interface Memory {
  pods: readonly PodMemory[];
  /** MiB of the node containers, as Docker counts them; absent where it does not. */
  nodesMiB?: number;
}
