import { type CostPath, costPaths, numbers } from "../../modules/cost/objects";
import type { VerifyContext } from "../context";
import { orderOf } from "./latency";
import { keptHttp, type LoadResult, sendLoad } from "./load";
import type { Scene } from "./scene";
import type { CostThroughput } from "./schema";
import { quantile } from "./statistics";

const { first, factor, seconds, p99Ms, atLeast, runs } = numbers.throughput;
/** Below this rate nothing is told of a path: the machine is busy, or the path is broken. */
const least = 10;

/** One ramp: the highest rate that was kept up, 0 for none, and what ended it. */
interface Ramp {
  path: CostPath;
  perSecond: number;
  limit: string;
}

/** Why a step was not kept up; undefined when it was. */
export function overload(
  result: Pick<LoadResult, "sent" | "failed" | "errors" | "p99" | "rate">,
  asked: number,
): string | undefined {
  if (result.failed > 0) return `${result.failed} of ${result.sent} requests failed (${result.errors[0] ?? "status"})`;
  if (result.p99 > p99Ms) return `99 % within ${Math.round(result.p99)} ms`;
  if (result.rate < atLeast * asked)
    return `${Math.round(result.rate)} of ${Math.round(asked)} requests sent per second`;
  return undefined;
}

/** Raises the rate of each path until it is not kept up. A later run begins a step below the rate of the run before. */
export async function throughputOf(context: VerifyContext, scene: Scene, id: string): Promise<CostThroughput[]> {
  const ramps: Ramp[] = [];
  for (let run = 0; run < runs; run += 1) {
    for (const path of orderOf(run)) {
      const earlier = ramps.findLast((ramp) => ramp.path === path);
      const from = earlier && earlier.perSecond > 0 ? earlier.perSecond / factor : first;
      ramps.push(await ramp(context, scene, path, from, id));
    }
  }
  return costPaths.map((path) => {
    const own = ramps.filter((each) => each.path === path);
    const rates = own.map(({ perSecond }) => perSecond);
    const perSecond = { median: quantile(rates, 0.5), low: Math.min(...rates), high: Math.max(...rates) };
    return { path, perSecond, limit: own.at(-1)?.limit ?? "" };
  });
}

async function ramp(context: VerifyContext, scene: Scene, path: CostPath, from: number, id: string): Promise<Ramp> {
  const step = async (perSecond: number) => {
    const result = await sendLoad(context, scene.ends[path], { ...keptHttp, path, perSecond, seconds, id });
    return overload(result, perSecond);
  };
  let rate = from;
  let limit = await step(rate);
  if (limit !== undefined) {
    while (limit !== undefined && rate / factor >= least) {
      rate /= factor;
      const next = await step(rate);
      if (next === undefined) return { path, perSecond: Math.round(rate), limit };
      limit = next;
    }
    return { path, perSecond: 0, limit: limit ?? "" };
  }
  for (;;) {
    const over = await step(rate * factor);
    if (over !== undefined) return { path, perSecond: Math.round(rate), limit: over };
    rate *= factor;
  }
}
