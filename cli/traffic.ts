import { durationMs } from "../config/vocabulary";
import type { LabFacts } from "../experiments/types";
import { bounded, type Clock, realClock } from "../verify/eventually";
import { httpRequest } from "../verify/kube/http";
import { seconds } from "./terminal/progress";

/** Requests to send. */
export interface TrafficPlan {
  path: string;
  method: string;
  /** Requests per second. */
  rate: number;
  forMs: number;
}

/** The result of a request. */
export interface SampleAnswer {
  /** Time of the request since the start, in milliseconds. */
  atMs: number;
  /** HTTP status; 0 without an answer. */
  status: number;
  ms: number;
}

/** Sends one request. */
export type Sender = (signal: AbortSignal) => Promise<{ status: number }>;

/** Maximum number of requests without an answer. */
const mostOpen = 100;
/** Timeout of a request in addition to an injected delay, in milliseconds. */
const timeoutMs = 15_000;

/** A sender for the lab's gateway, with a new connection for each request. */
export function gatewaySender({ url, settings }: LabFacts, { path, method }: TrafficPlan): Sender {
  const request = { method, path, headers: { host: `appb.${settings.domain}`, "user-agent": "ambient-lab-traffic" } };
  const limitMs = timeoutMs + (settings.faultEnabled ? durationMs(settings.faultDelay) : 0);
  return (signal) => bounded((limit) => httpRequest(request, { url }, limit), limitMs, signal);
}

/** Sends at the plan's rate until its time is up or the signal aborts; slow answers do not delay later requests. */
export async function sendTraffic(
  { rate, forMs }: TrafficPlan,
  send: Sender,
  onAnswer: (answer: SampleAnswer) => void,
  { signal, clock = realClock }: { signal: AbortSignal; clock?: Clock },
): Promise<SampleAnswer[]> {
  const begun = clock.now();
  const answers: SampleAnswer[] = [];
  const open = new Set<Promise<void>>();
  const fire = async () => {
    const sent = clock.now();
    const status = await send(signal).then(
      (answer) => answer.status,
      () => 0,
    );
    // Requests that an interrupt aborted are not counted.
    if (status === 0 && signal.aborted) return;
    const answer = { atMs: sent - begun, status, ms: clock.now() - sent };
    answers.push(answer);
    onAnswer(answer);
  };
  const count = Math.max(1, Math.floor((rate * forMs) / 1000));
  for (let n = 0; n < count && !signal.aborted; n += 1) {
    const early = begun + (n * 1000) / rate - clock.now();
    if (early > 0) await clock.sleep(early, signal).catch(() => undefined);
    if (signal.aborted) break;
    if (open.size >= mostOpen) await Promise.race(open);
    const answer = fire().finally(() => open.delete(answer));
    open.add(answer);
  }
  await Promise.all(open);
  return answers;
}

/** A change of Istio's version. */
export interface Upgrade {
  from: string;
  to: string;
}

/** Effect of a change on requests to appb. */
export interface Disturbance {
  requests: number;
  /** Requests with another status than before the change, or without an answer. */
  failed: number;
  /** From the last good request before a failure to the first good one after it. */
  longestGapMs: number;
  slowestMs: number;
}

/** A path without a fault by default, for longer than any upgrade takes. */
const plan = { path: "/get", method: "GET", rate: 10, forMs: 3_600_000 };

/** The upgrade of an `up` to a version of Istio; undefined when the lab already runs it, or does not exist. */
export function upgradeOf(installed: string | undefined, istioVersion: string): Upgrade | undefined {
  return installed && installed !== istioVersion ? { from: installed, to: istioVersion } : undefined;
}

/** Options of {@link measureDisturbance}. */
export interface Watch {
  signal: AbortSignal;
  /** Called with the result, also when the work fails; undefined when the lab did not answer before the change. */
  counted: (disturbance: Disturbance | undefined) => void;
  /** @default the time of this machine */
  clock?: Clock;
  /** @default through the lab's gateway */
  send?: Sender;
}

/** Sends requests through gateway, waypoint and ztunnel during a change of the lab. */
export async function measureDisturbance<T>(
  facts: LabFacts,
  work: () => Promise<T>,
  { signal, counted, clock = realClock, send = gatewaySender(facts, plan) }: Watch,
): Promise<T> {
  const norm = await send(signal).then(
    ({ status }) => status,
    () => undefined,
  );
  const over = new AbortController();
  const both = AbortSignal.any([signal, over.signal]);
  const traffic = norm === undefined ? undefined : sendTraffic(plan, send, () => {}, { signal: both, clock });
  try {
    return await work();
  } finally {
    over.abort();
    const answers = await traffic;
    counted(answers && norm !== undefined ? disturbanceOf(answers, norm) : undefined);
  }
}

/** Compares answers with the status before the change. */
export function disturbanceOf(answers: readonly SampleAnswer[], norm: number): Disturbance {
  let [failed, longestGapMs, lastGood] = [0, 0, 0];
  let broken = false;
  for (const { atMs, status } of [...answers].sort((a, b) => a.atMs - b.atMs)) {
    const good = status === norm;
    if (!good) failed += 1;
    if (broken || !good) longestGapMs = Math.max(longestGapMs, atMs - lastGood);
    if (good) lastGood = atMs;
    broken = !good;
  }
  const slowestMs = Math.round(Math.max(0, ...answers.map(({ ms }) => ms)));
  return { requests: answers.length, failed, longestGapMs: Math.round(longestGapMs), slowestMs };
}

/** The effect of an upgrade on requests, as a line of text. */
export function disturbanceText({ from, to, ...seen }: Upgrade & Partial<Disturbance>): string {
  const { requests, failed = 0, longestGapMs = 0, slowestMs = 0 } = seen;
  const head = `Istio ${from} → ${to}`;
  if (requests === undefined)
    return `${head}: requests were not counted, since the gateway did not answer before the change`;
  const gap = failed > 0 ? `, longest gap ${seconds(longestGapMs)}` : "";
  return `${head}: ${requests} requests, ${failed} failed${gap}, slowest answer ${seconds(slowestMs)}`;
}
