import type { Probe } from "../experiments/types";
import type { Bench } from "./bench";
import { DeadlineError, eventually } from "./eventually";
import { answerFits, judge, recordsWanted } from "./judge";
import { recordsOf } from "./records";
import type { Finding } from "./report";
import { type Answer, requestLimit, send } from "./send";

/** For the way to a pod and back, beside the request itself. */
const graceMs = 3_000;

/** Whether a probe expects an answer. Positives converge; negatives are sent once and never again. */
export const isPositive = (probe: Probe): boolean => probe.expect.fate === "answered";

/** Sends a probe and judges it: a positive until it holds, a negative once. */
export async function runProbe(bench: Bench, probe: Probe): Promise<Finding> {
  const answer = isPositive(probe) ? await converged(bench, probe) : await send(bench, probe, bench.signal);
  // An unexpected answer needs every record there is: the question is then who gave it.
  const wanted = answerFits(probe.expect, answer)
    ? recordsWanted(probe.expect)
    : (["gateway", "waypoint", "ztunnel"] as const);
  return judge(probe, answer, await recordsOf(bench, answer, wanted));
}

async function converged(bench: Bench, probe: Probe): Promise<Answer> {
  const { convergeMs, intervalMs, streak } = bench.timings;
  let last: Answer | undefined;
  // A request that hangs has to come to its own end: who left it without an answer is then read from the records.
  const deadlineMs = Math.max(convergeMs, requestLimit(bench) + graceMs);
  try {
    return await eventually(
      async (signal) => {
        const answer = await send(bench, probe, signal);
        last = answer;
        if (!answerFits(probe.expect, answer)) throw new Error(answer.error ?? `status ${answer.status}`);
        return answer;
      },
      { what: probe.name, deadlineMs, intervalMs, streak, signal: bench.signal, clock: bench.clock },
    );
  } catch (error) {
    if (error instanceof DeadlineError && last) return last;
    throw error instanceof DeadlineError && error.cause instanceof Error ? error.cause : error;
  }
}
