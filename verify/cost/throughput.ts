import { type CostPath, costPaths, numbers } from "../../modules/cost/objects";
import type { VerifyContext } from "../context";
import { orderOf } from "./latency";
import { keptHttp, type LoadResult, sendLoad } from "./load";
import type { CostThroughput } from "./schema";
import type { CostSetup } from "./setup";
import { quantile } from "./statistics";

const { first, factor, seconds, p99Ms, atLeast, runs } = numbers.throughput;
/** Lowest rate that is tried: a path that does not sustain it is broken, or the machine is busy. */
const least = 10;

/** The result of one ramp: the highest sustained rate, or 0, and why the next step failed. */
interface Ramp {
  path: CostPath;
  perSecond: number;
  limit: string;
}

/** Why a rate was not sustained; undefined when it was. */
export function overload(
  result: Pick<LoadResult, "sent" | "failed" | "errors" | "p99" | "rate">,
  requested: number,
): string | undefined {
  if (result.failed > 0) return `${result.failed} of ${result.sent} requests failed (${result.errors[0] ?? "status"})`;
  if (result.p99 > p99Ms) return `99 % within ${Math.round(result.p99)} ms`;
  if (result.rate < atLeast * requested)
    return `${Math.round(result.rate)} of ${Math.round(requested)} requests sent per second`;
  return undefined;
}

/** Raises the rate of each path until it is not sustained. A later run starts one step below the rate of the previous run. */
export async function throughputOf(context: VerifyContext, setup: CostSetup, id: string): Promise<CostThroughput[]> {
  const ramps: Ramp[] = [];
  for (let run = 0; run < runs; run += 1) {
    for (const path of orderOf(run)) {
      const earlier = ramps.findLast((ramp) => ramp.path === path);
      const from = earlier && earlier.perSecond > 0 ? earlier.perSecond / factor : first;
      ramps.push(await ramp(context, setup, path, from, id));
    }
  }
  return costPaths.map((path) => {
    const own = ramps.filter((each) => each.path === path);
    const rates = own.map(({ perSecond }) => perSecond);
    const perSecond = { median: quantile(rates, 0.5), low: Math.min(...rates), high: Math.max(...rates) };
    return { path, perSecond, limit: own.at(-1)?.limit ?? "" };
  });
}

async function ramp(context: VerifyContext, setup: CostSetup, path: CostPath, from: number, id: string): Promise<Ramp> {
  const step = async (perSecond: number) => {
    const result = await sendLoad(context, setup.endpoints[path], { ...keptHttp, path, perSecond, seconds, id });
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
