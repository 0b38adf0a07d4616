import { delayedFromMs } from "../../verify/lab-facts";
import type { Shot } from "./loop";

/** What a loop of requests amounts to. */
export interface TrafficSummary {
  count: number;
  /** Answers by status; "none" counts those without one. */
  statuses: Record<string, number>;
  /** Requests that took the configured delay or longer. */
  slow: number;
  delayMs: number;
  p50Ms: number;
  p95Ms: number;
  longestMs: number;
}

/** Counts what was sent. */
export function summarise(shots: readonly Shot[], delayMs: number): TrafficSummary {
  const times = shots.map(({ ms }) => ms).sort((a, b) => a - b);
  const statuses: Record<string, number> = {};
  for (const { status } of shots) {
    const key = status === 0 ? "none" : String(status);
    statuses[key] = (statuses[key] ?? 0) + 1;
  }
  return {
    ...{ count: shots.length, statuses, delayMs },
    slow: times.filter((ms) => ms >= delayedFromMs(delayMs)).length,
    p50Ms: percentile(times, 0.5),
    p95Ms: percentile(times, 0.95),
    longestMs: Math.round(times.at(-1) ?? 0),
  };
}

/** The nearest rank: a latency that was measured, not one between two. */
const percentile = (sorted: readonly number[], share: number): number =>
  Math.round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0);

/** The summary for a person. */
export function summaryLines({ count, statuses, slow, delayMs, p50Ms, p95Ms, longestMs }: TrafficSummary): string[] {
  if (count === 0) return ["Nothing was answered before the end."];
  const answers = Object.entries(statuses).map(([status, times]) =>
    status === "none" ? `${times} without an answer` : `${times} × ${status}`,
  );
  const share = Math.round((100 * slow) / count);
  return [
    `${count} requests: ${answers.join(", ")}`,
    `${slow} of them (${share} %) took ${delayMs} ms or longer`,
    `half within ${p50Ms} ms, 95 % within ${p95Ms} ms, the slowest ${longestMs} ms`,
  ];
}
