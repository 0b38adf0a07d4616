import { durationMs } from "../../config/vocabulary";
import type { LabFacts } from "../../experiments/types";
import { bounded, type Clock, realClock } from "../../verify/eventually";
import { httpRequest } from "../../verify/kube/http";

/** What is sent, how often and how long. */
export interface TrafficPlan {
  path: string;
  method: string;
  /** Requests in a second. */
  rate: number;
  forMs: number;
}

/** One request that was sent. */
export interface Shot {
  /** Milliseconds since the loop began. */
  atMs: number;
  /** 0 when there was no answer. */
  status: number;
  ms: number;
}

/** Sends one request; the test's is no network. */
export type Sender = (signal: AbortSignal) => Promise<{ status: number }>;

/** Requests that may wait for their answers at one time. */
const mostOpen = 100;
/** Milliseconds that an answer may take beyond an injected delay. */
const patienceMs = 15_000;

/** A sender for the lab's gateway, a connection a request, as curl in a loop has it. */
export function gatewaySender({ url, settings }: LabFacts, { path, method }: TrafficPlan): Sender {
  const request = { method, path, headers: { host: `appb.${settings.domain}`, "user-agent": "ambient-lab-traffic" } };
  const limitMs = patienceMs + (settings.faultEnabled ? durationMs(settings.faultDelay) : 0);
  return (signal) => bounded((limit) => httpRequest(request, { url }, limit), limitMs, signal);
}

/** Sends at the plan's rate until its time is up or the signal aborts; slow answers hold up nobody. */
export async function sendTraffic(
  { rate, forMs }: TrafficPlan,
  send: Sender,
  onShot: (shot: Shot) => void,
  { signal, clock = realClock }: { signal: AbortSignal; clock?: Clock },
): Promise<Shot[]> {
  const begun = clock.now();
  const shots: Shot[] = [];
  const open = new Set<Promise<void>>();
  const fire = async () => {
    const sent = clock.now();
    const status = await send(signal).then(
      (answer) => answer.status,
      () => 0,
    );
    // What was cut off by Ctrl-C had no chance to be answered.
    if (status === 0 && signal.aborted) return;
    const shot = { atMs: sent - begun, status, ms: clock.now() - sent };
    shots.push(shot);
    onShot(shot);
  };
  const count = Math.max(1, Math.floor((rate * forMs) / 1000));
  for (let n = 0; n < count && !signal.aborted; n += 1) {
    const early = begun + (n * 1000) / rate - clock.now();
    if (early > 0) await clock.sleep(early, signal).catch(() => undefined);
    if (signal.aborted) break;
    if (open.size >= mostOpen) await Promise.race(open);
    const shot = fire().finally(() => open.delete(shot));
    open.add(shot);
  }
  await Promise.all(open);
  return shots;
}
