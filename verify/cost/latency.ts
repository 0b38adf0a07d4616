import { type CostPath, costPaths, numbers } from "../../modules/cost/objects";
import type { VerifyContext } from "../context";
import { unobservable } from "../precondition-error";
import { isOfKind, type LoadPlan, type LoadResult, type RequestKind, sendLoad } from "./load";
import type { CostLatency, CostProxy, CostThroughput } from "./schema";
import type { CostSetup } from "./setup";
import { type Estimate, medianEstimate, sum } from "./statistics";
import type { Reading } from "./usage";

/**
 * Least probability that an interval contains the true median. With nine rounds, the interval is that from the lowest round to the
 * highest. An interval of 95 % is too narrow for the variation between runs (docs/explanation/cost.md, Ten runs).
 */
export const confidence = 0.99;

/** The result of the load on one path in one round. */
export interface LoadSample extends RequestKind {
  round: number;
  path: CostPath;
  result: LoadResult;
  /** CPU time of the path's proxies per thousand requests, in milliseconds. */
  cpuPerThousand: number;
}

/** CPU and memory of the proxies without requests. */
export interface IdleUsage {
  /** CPU milliseconds per second, by the name of the pod. */
  cpu: ReadonlyMap<string, number>;
  reading: Reading;
}

/** Measures the proxies for two seconds without requests. */
export async function idleUsage({ clock, signal }: VerifyContext, { proxies, meter }: CostSetup): Promise<IdleUsage> {
  const before = await meter.read(proxies);
  await clock.sleep(2_000, signal);
  const reading = await meter.read(proxies);
  const seconds = Math.max(reading.at - before.at, 1) / 1000;
  const cpu = new Map(proxies.map(({ pod }) => [pod, used(before, reading, pod) / seconds]));
  return { cpu, reading };
}

/** Duration of a load in seconds; the kinds of requests share the time of a path in a round. */
export const secondsOf = (kinds: readonly RequestKind[]): number => numbers.latency.secondsPerRound / kinds.length;

/**
 * Measures every path once in each round. The order of the paths changes from round to round so that every path has every position equally
 * often: a machine that becomes slower or faster over time affects all paths equally.
 */
export async function latencyRounds(
  context: VerifyContext,
  setup: CostSetup,
  idle: IdleUsage,
  { kinds, perSecond, id }: { kinds: readonly RequestKind[] } & Pick<LoadPlan, "perSecond" | "id">,
): Promise<LoadSample[]> {
  const seconds = secondsOf(kinds);
  const samples: LoadSample[] = [];
  for (let round = 0; round < numbers.latency.rounds; round += 1) {
    for (const kind of kinds) {
      for (const path of orderOf(round)) {
        const proxies = setup.proxies.filter(({ paths }) => paths.includes(path));
        const before = await setup.meter.read(proxies);
        const result = await sendLoad(context, setup.endpoints[path], { ...kind, path, perSecond, seconds, id });
        const after = await setup.meter.read(proxies);
        const elapsed = (after.at - before.at) / 1000;
        const cpuMs = proxies.map(({ pod }) => used(before, after, pod) - (idle.cpu.get(pod) ?? 0) * elapsed);
        const cpuPerThousand = (1_000 * sum(cpuMs)) / result.sent;
        samples.push({ ...kind, round, path, result, cpuPerThousand });
      }
    }
  }
  return samples;
}

/**
 * The request rate for the latencies of all paths: at most half of the throughput of the slowest path.
 * @throws PreconditionError when the lowest configured rate is higher
 */
export function rateFor(throughput: readonly CostThroughput[]): number {
  const slowest = Math.min(...throughput.map(({ perSecond }) => perSecond.median));
  const rate = numbers.latency.perSecond.find((each) => each <= slowest / 2);
  if (rate !== undefined) return rate;
  const message = `the machine is too busy: the slowest path keeps up ${slowest} requests per second, and ${2 * Math.min(...numbers.latency.perSecond)} are needed`;
  throw unobservable("nodes", message);
}

/** The order of the paths in a round: rotated by one position in each round, and reversed in every second rotation. */
export function orderOf(round: number): readonly CostPath[] {
  const count = costPaths.length;
  const turned = costPaths.map((_, index) => costPaths[(index + round) % count] as CostPath);
  return Math.floor(round / count) % 2 === 1 ? turned.reverse() : turned;
}

const used = (before: Reading, after: Reading, pod: string): number =>
  (after.of.get(pod)?.cpuMs ?? 0) - (before.of.get(pod)?.cpuMs ?? 0);

/** The results of one kind of requests for each path, with the differences from the path outside the mesh in the same round. */
export function latencyOf(samples: readonly LoadSample[], kind: RequestKind): CostLatency[] {
  const ofPath = (path: CostPath) => samples.filter((sample) => sample.path === path && isOfKind(sample, kind));
  const outside = ofPath("none");
  return costPaths.map((path) => {
    const own = ofPath(path);
    const all = (value: (sample: LoadSample) => number): Estimate => medianEstimate(own.map(value), confidence);
    const added = (value: (sample: LoadSample) => number) =>
      all((sample) => value(sample) - value(outside.find(({ round }) => round === sample.round) as LoadSample));
    const each = (of: typeof all) => ({
      p50: of(({ result }) => result.p50),
      p90: of(({ result }) => result.p90),
      p99: of(({ result }) => result.p99),
    });
    return {
      ...{ path, ...kind, milliseconds: each(all) },
      ...(path === "none" ? {} : { added: each(added) }),
      cpu: all(({ cpuPerThousand }) => cpuPerThousand),
      requests: sum(own.map(({ result }) => result.sent)),
    };
  });
}

/** CPU and memory of each proxy, before the measurement and at its end. */
export const proxiesOf = ({ proxies }: CostSetup, idle: IdleUsage, loaded: Reading): CostProxy[] =>
  proxies.map(({ pod, node, paths }) => ({
    ...{ pod, node, path: paths },
    idleBytes: idle.reading.of.get(pod)?.memoryBytes ?? 0,
    loadedBytes: loaded.of.get(pod)?.memoryBytes ?? 0,
    idleCpu: idle.cpu.get(pod) ?? 0,
  }));
