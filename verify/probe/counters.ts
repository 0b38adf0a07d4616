import { ports } from "../../config/vocabulary";
import type { VerifyContext } from "../context";
import { PreconditionError } from "../precondition-error";
import { parseMetrics, type Series, type WaypointCounts, waypointCounts } from "./metrics";

/**
 * Metrics of each of the waypoint's pods.
 * @throws PreconditionError when one does not show them: that is not the same as to have none
 */
export async function waypointMetrics(context: VerifyContext): Promise<Series[][]> {
  const pods = await context.podFinder.all("waypoint", context.signal);
  return Promise.all(
    pods.map(async (pod) => {
      const answer = await context.lab.podGet(pod, ports.metrics, "/stats/prometheus", context.signal);
      if (answer.status === 200) return parseMetrics(answer.body);
      const message = `${pod.name} answers ${answer.status} to a question for its metrics`;
      throw new PreconditionError("waypoint", message, { verdict: "inconclusive" });
    }),
  );
}

/** The waypoint's counters over all of its pods; undefined when it exposes none. */
export async function readCounts(context: VerifyContext): Promise<WaypointCounts | undefined> {
  const counts = (await waypointMetrics(context)).map(waypointCounts);
  return counts.reduce<WaypointCounts | undefined>(
    (sum, one) => (sum && one ? add(sum, one) : (sum ?? one)),
    undefined,
  );
}

const add = (a: WaypointCounts, b: WaypointCounts): WaypointCounts => ({
  allowed: a.allowed + b.allowed,
  denied: a.denied + b.denied,
  source: a.source,
});

/** By how much the counters grew; counters that were absent before began at 0. */
export function growth(
  before: WaypointCounts | undefined,
  after: WaypointCounts | undefined,
): WaypointCounts | undefined {
  if (!after) return undefined;
  return {
    allowed: after.allowed - (before?.allowed ?? 0),
    denied: after.denied - (before?.denied ?? 0),
    source: after.source,
  };
}
