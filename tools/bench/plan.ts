import { targets } from "./targets";
import type { Measure, Series } from "./types";

/** What is done next: a timed run of a series, or a look at the memory. */
export type Step = Series | "memory";

/** How much is measured. */
export interface PlanOptions {
  only: readonly Measure[];
  /** How often what takes seconds is repeated, on each lab. */
  rounds: number;
  /** How many labs are made, one after the other. */
  labs: number;
}

/** Runs of a round, side by side: a load that comes and goes falls on lab and floor alike. */
const roundOrder: readonly Series[] = ["preview", "empty-preview", "empty-up", "again", "flip"];

/**
 * The runs in order. Every lab comes up and is destroyed, whatever was asked for; the floor is made after its end, since a
 * laptop may not hold two of them.
 */
export function planOf({ only, rounds, labs }: PlanOptions): Step[] {
  const asked = targets.filter(({ measure }) => only.includes(measure));
  const needed = new Set(asked.flatMap(({ lab, floor }) => [lab, floor]));
  const round = roundOrder.filter((each) => needed.has(each));
  const floor: Step[] = needed.has("script") || needed.has("kind-delete") ? ["script", "kind-delete"] : [];
  const life: Step[] = [
    "up",
    ...Array.from({ length: rounds }, () => round).flat(),
    ...(only.includes("memory") ? ["memory" as const] : []),
    "destroy",
    ...floor,
  ];
  return Array.from({ length: labs }, () => life).flat();
}
