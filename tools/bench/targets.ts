import type { Measure, Memory, Samples, Series } from "./types";

/** A time of the lab beside the floor that it is held against. */
export interface Target {
  measure: Exclude<Measure, "memory">;
  title: string;
  lab: Series;
  floor: Series;
  /** What the floor is, for the table. */
  against: string;
  /** The most that lab ÷ floor may be. @default the ratio is told and not judged */
  limit?: number;
}

export const targets: readonly Target[] = [
  {
    ...{ measure: "up", title: "cold up", lab: "up", floor: "script", limit: 0.75 },
    against: "the same parts, one after another",
  },
  { ...{ measure: "again", title: "second up", lab: "again", floor: "empty-up" }, against: "up of an empty program" },
  {
    ...{ measure: "flip", title: "policy flip", lab: "flip", floor: "again", limit: 1.3 },
    against: "up without a change",
  },
  {
    ...{ measure: "preview", title: "no-op preview", lab: "preview", floor: "empty-preview", limit: 2 },
    against: "preview of an empty program",
  },
  {
    ...{ measure: "destroy", title: "destroy", lab: "destroy", floor: "kind-delete", limit: 1.3 },
    against: "kind delete",
  },
];

/** MiB that the mesh with one gateway and one waypoint may request in the `laptop` profile. */
export const memoryLimitMiB = 512;

/** A line of the result. */
export interface Row {
  measure: Measure;
  title: string;
  unit: "ms" | "MiB";
  /** Medians, or the one value. */
  lab: number;
  floor: number;
  ratio: number;
  against: string;
  /** The most that the ratio may be. */
  limit?: number;
  /** Whether the limit was kept; absent where there is none. */
  met?: boolean;
}

/** The middle value; between two, their mean. NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}

/** The lines of those measures whose runs were made, lab and floor. The memory is judged in the `laptop` profile alone. */
export function judge(samples: Samples, memory: Memory | undefined, resources: "laptop" | "roomy"): Row[] {
  const rows = targets.flatMap(({ lab, floor, ...target }): Row[] => {
    const [ours, theirs] = [samples[lab] ?? [], samples[floor] ?? []];
    if (ours.length === 0 || theirs.length === 0) return [];
    return [{ ...target, unit: "ms", ...compared(median(ours), median(theirs), target.limit) }];
  });
  if (!memory) return rows;
  const requested = memory.pods.reduce((sum, { requestedMiB }) => sum + requestedMiB, 0);
  const limit = resources === "laptop" ? 1 : undefined;
  const budget = {
    measure: "memory",
    title: "mesh requests",
    unit: "MiB",
    against: "budget of the laptop profile",
  } as const;
  return [...rows, { ...budget, ...compared(requested, memoryLimitMiB, limit) }];
}

/** The verdict is over the ratio as it is, not as it is printed. */
function compared(lab: number, floor: number, limit: number | undefined) {
  const ratio = lab / floor;
  return { lab, floor, ratio, ...(limit === undefined ? {} : { limit, met: ratio <= limit }) };
}
