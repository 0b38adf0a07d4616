import { type CostPath, costPaths, numbers } from "../../modules/cost/objects";
import type { VerifyContext } from "../context";
import { unobservable } from "../precondition-error";
import { isOfKind, type LoadPlan, type LoadResult, type RequestKind, sendLoad } from "./load";
import type { Scene } from "./scene";
import type { CostLatency, CostProxy, CostThroughput } from "./schema";
import { type Estimate, medianEstimate } from "./statistics";
import type { Reading } from "./usage";

/**
 * Least probability that an interval holds the true median. With nine rounds the interval runs from the lowest to the highest one. The
 * narrower one of 95 % does not hold what a machine varies from run to run (docs/explanation/cost.md, Ten runs).
 */
export const confidence = 0.99;

/** One load of one path in one round. */
export interface Shot extends RequestKind {
  round: number;
  path: CostPath;
  result: LoadResult;
  /** CPU time of the path's proxies for a thousand requests, in milliseconds. */
  cpuPerThousand: number;
}

/** What proxies use without requests. */
export interface Idle {
  /** CPU milliseconds per second, by the name of the pod. */
  cpu: ReadonlyMap<string, number>;
  reading: Reading;
}

/** Reads what the proxies use during two seconds without requests. */
export async function idleUsage({ clock, signal }: VerifyContext, { proxies, meter }: Scene): Promise<Idle> {
  const before = await meter.read(proxies);
  await clock.sleep(2_000, signal);
  const reading = await meter.read(proxies);
  const seconds = Math.max(reading.at - before.at, 1) / 1000;
  const cpu = new Map(proxies.map(({ pod }) => [pod, used(before, reading, pod) / seconds]));
  return { cpu, reading };
}

/** Duration of a load in seconds, when so many kinds of requests are measured. */
export const secondsOf = (kinds: readonly RequestKind[]): number => numbers.latency.secondsPerRound / kinds.length;

/**
 * Measures every path once in each round. Each round has an order of its own, in which every path is at every place equally
 * often, so that a machine that becomes slower or faster over time favours no path.
 */
export async function latencyRounds(
  context: VerifyContext,
  scene: Scene,
  idle: Idle,
  { kinds, perSecond, id }: { kinds: readonly RequestKind[] } & Pick<LoadPlan, "perSecond" | "id">,
): Promise<Shot[]> {
  const seconds = secondsOf(kinds);
  const shots: Shot[] = [];
  for (let round = 0; round < numbers.latency.rounds; round += 1) {
    for (const kind of kinds) {
      for (const path of orderOf(round)) {
        const proxies = scene.proxies.filter(({ paths }) => paths.includes(path));
        const before = await scene.meter.read(proxies);
        const result = await sendLoad(context, scene.ends[path], { ...kind, path, perSecond, seconds, id });
        const after = await scene.meter.read(proxies);
        const elapsed = (after.at - before.at) / 1000;
        const cpuMs = proxies.map(({ pod }) => used(before, after, pod) - (idle.cpu.get(pod) ?? 0) * elapsed);
        const cpuPerThousand = (1_000 * cpuMs.reduce((sum, each) => sum + each, 0)) / result.sent;
        shots.push({ ...kind, round, path, result, cpuPerThousand });
      }
    }
  }
  return shots;
}

/**
 * The rate for the latencies of all paths: at most half of what the slowest one keeps up.
 * @throws PreconditionError when even the lowest rate is above that
 */
export function rateFor(throughput: readonly CostThroughput[]): number {
  const slowest = Math.min(...throughput.map(({ perSecond }) => perSecond.median));
  const rate = numbers.latency.perSecond.find((each) => each <= slowest / 2);
  if (rate !== undefined) return rate;
  const message = `the machine is too busy: the slowest path keeps up ${slowest} requests per second, and ${2 * Math.min(...numbers.latency.perSecond)} are needed`;
  throw unobservable("nodes", message);
}

/** The paths, turned by one place in each round, and backwards in every second turn. */
export function orderOf(round: number): readonly CostPath[] {
  const count = costPaths.length;
  const turned = costPaths.map((_, index) => costPaths[(index + round) % count] as CostPath);
  return Math.floor(round / count) % 2 === 1 ? turned.reverse() : turned;
}

const used = (before: Reading, after: Reading, pod: string): number =>
  (after.of.get(pod)?.cpuMs ?? 0) - (before.of.get(pod)?.cpuMs ?? 0);

/** The results of one kind of requests, path by path, with the differences to the same round outside the mesh. */
export function latencyOf(shots: readonly Shot[], kind: RequestKind): CostLatency[] {
  const ofPath = (path: CostPath) => shots.filter((shot) => shot.path === path && isOfKind(shot, kind));
  const outside = ofPath("none");
  return costPaths.map((path) => {
    const own = ofPath(path);
    const all = (value: (shot: Shot) => number): Estimate => medianEstimate(own.map(value), confidence);
    const added = (value: (shot: Shot) => number) =>
      all((shot) => value(shot) - value(outside.find(({ round }) => round === shot.round) as Shot));
    const each = (of: typeof all) => ({
      p50: of(({ result }) => result.p50),
      p90: of(({ result }) => result.p90),
      p99: of(({ result }) => result.p99),
    });
    return {
      ...{ path, ...kind, milliseconds: each(all) },
      ...(path === "none" ? {} : { added: each(added) }),
      cpu: all(({ cpuPerThousand }) => cpuPerThousand),
      requests: own.reduce((sum, { result }) => sum + result.sent, 0),
    };
  });
}

/** What each proxy used, before the measurement and at its end. */
export const proxiesOf = ({ proxies }: Scene, idle: Idle, loaded: Reading): CostProxy[] =>
  proxies.map(({ pod, node, paths }) => ({
    ...{ pod, node, path: paths },
    idleBytes: idle.reading.of.get(pod)?.memoryBytes ?? 0,
    loadedBytes: loaded.of.get(pod)?.memoryBytes ?? 0,
    idleCpu: idle.cpu.get(pod) ?? 0,
  }));
