import type { LabFacts } from "../experiments/types";
import { type Clock, realClock } from "../verify/eventually";
import type { LabOutputs } from "./outputs";
import { seconds } from "./progress";
import { gatewaySender, type Sender, type Shot, sendTraffic } from "./traffic/loop";

/** A change of Istio's version. */
export interface Upgrade {
  from: string;
  to: string;
}

/** What the callers of appb noticed of a change. */
export interface Disturbance {
  requests: number;
  /** Requests with another answer than before the change, or with none. */
  failed: number;
  /** From the last good request before a failure to the first good one after it. */
  longestGapMs: number;
  slowestMs: number;
}

/** A path that no fault delays by default, many times a second, for longer than any upgrade takes. */
const plan = { path: "/get", method: "GET", rate: 10, forMs: 3_600_000 };

/** The upgrade that an `up` to this version of Istio is; undefined where the lab runs it already, or is not there. */
export function upgradeOf({ versions, url }: LabOutputs, istioVersion: string): Upgrade | undefined {
  const from = versions?.istio;
  return url && from && from !== istioVersion ? { from, to: istioVersion } : undefined;
}

/**
 * Sends requests through gateway, waypoint and ztunnel while something is done to the lab.
 * @returns also what became of them; nothing when the lab did not answer before
 */
export async function whileCalled<T>(
  facts: LabFacts,
  work: () => Promise<T>,
  {
    signal,
    clock = realClock,
    send = gatewaySender(facts, plan),
  }: { signal: AbortSignal; clock?: Clock; send?: Sender },
): Promise<{ result: T; disturbance?: Disturbance }> {
  const norm = await send(signal).then(
    ({ status }) => status,
    () => undefined,
  );
  if (norm === undefined) return { result: await work() };
  const over = new AbortController();
  const traffic = sendTraffic(plan, send, () => {}, { signal: AbortSignal.any([signal, over.signal]), clock });
  try {
    const result = await work();
    over.abort();
    return { result, disturbance: disturbanceOf(await traffic, norm) };
  } finally {
    over.abort();
    await traffic;
  }
}

/** Compares answers with the one that was normal before. */
export function disturbanceOf(shots: readonly Shot[], norm: number): Disturbance {
  let [failed, longestGapMs, lastGood] = [0, 0, 0];
  let broken = false;
  for (const { atMs, status } of [...shots].sort((a, b) => a.atMs - b.atMs)) {
    const good = status === norm;
    if (!good) failed += 1;
    if (broken || !good) longestGapMs = Math.max(longestGapMs, atMs - lastGood);
    if (good) lastGood = atMs;
    broken = !good;
  }
  const slowestMs = Math.round(Math.max(0, ...shots.map(({ ms }) => ms)));
  return { requests: shots.length, failed, longestGapMs: Math.round(longestGapMs), slowestMs };
}

/** What an upgrade did to its callers, as a line for people. */
export function disturbanceText({ from, to, ...seen }: Upgrade & Partial<Disturbance>): string {
  const { requests, failed = 0, longestGapMs = 0, slowestMs = 0 } = seen;
  const head = `Istio ${from} → ${to}`;
  if (requests === undefined) return `${head}: nobody counted, since the gateway did not answer before it began`;
  const gap = failed > 0 ? `, longest gap ${seconds(longestGapMs)}` : "";
  return `${head}: ${requests} requests, ${failed} failed${gap}, slowest answer ${seconds(slowestMs)}`;
}
