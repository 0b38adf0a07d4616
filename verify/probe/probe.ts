import type { Probe } from "../../experiments/types";
import type { VerifyContext } from "../context";
import { DeadlineError, eventually } from "../eventually";
import type { Finding } from "../report/schema";
import { answerFits, judge, recordsWanted } from "./judge";
import { recordsOf } from "./records";
import { type Answer, injectedMs, requestLimit, send } from "./send";

/** Time for the exec call to the pod, beside the request itself. */
const graceMs = 3_000;

/** Whether a probe expects an answer. Positives converge; negatives are sent once and never again. */
export const isPositive = (probe: Probe): boolean => probe.expect.outcome === "answered";

/** Sends a probe and judges it: a positive until it holds, a negative once. */
export async function runProbe(context: VerifyContext, probe: Probe): Promise<Finding> {
  if (!isPositive(probe)) return judged(context, probe, await send(context, probe, context.signal));
  const { answer, doubt } = await converged(context, probe);
  const finding = await judged(context, probe, answer);
  if (!doubt || finding.verdict !== "pass") return finding;
  const { streak } = context.timings;
  const expected = `${streak} good answers in a row`;
  return { ...finding, ...doubt, seen: `${doubt.seen}; ${finding.seen}`, expected };
}

async function judged(context: VerifyContext, probe: Probe, answer: Answer): Promise<Finding> {
  // An unexpected answer needs every record there is: the question is then who gave it.
  const wanted = answerFits(probe.expect, answer)
    ? recordsWanted(probe.expect)
    : (["gateway", "waypoint", "ztunnel"] as const);
  return judge(probe, answer, await recordsOf(context, answer, wanted));
}

/** What a positive came to. */
interface Converged {
  answer: Answer;
  /** The answer is good, and there were not enough of its kind in a row. */
  doubt?: Pick<Finding, "verdict" | "layer" | "seen">;
}

async function converged(context: VerifyContext, probe: Probe): Promise<Converged> {
  const { convergeMs, intervalMs, streak } = context.timings;
  const answers: Answer[] = [];
  // A request that hangs runs until its own timeout; the records then show which layer did not answer. Those
  // that are delayed on purpose take their time each.
  const deadlineMs = Math.max(convergeMs + streak * injectedMs(context.facts), requestLimit(context) + graceMs);
  try {
    const answer = await eventually(
      async (signal) => {
        const answer = await send(context, probe, signal);
        answers.push(answer);
        if (!answerFits(probe.expect, answer)) throw new Error(answer.error ?? `status ${answer.status}`);
        return answer;
      },
      { what: probe.name, deadlineMs, intervalMs, streak, signal: context.signal, clock: context.clock },
    );
    return { answer };
  } catch (error) {
    const last = answers.at(-1);
    if (!(error instanceof DeadlineError) || !last)
      throw error instanceof DeadlineError && error.cause instanceof Error ? error.cause : error;
    const fits = answers.map((answer) => answerFits(probe.expect, answer));
    // One that is good now and then is judged by the latest that was not; so is one that is not good in the end.
    const miss = fits.lastIndexOf(false);
    const since = answers.length - 1 - miss;
    if (since === 0 || fits.indexOf(true) < miss) return { answer: answers[miss] ?? last };
    const seen = `good ${since} of ${streak} times in a row when the time was up, after ${miss + 1} misses`;
    return { answer: last, doubt: { verdict: "inconclusive", layer: "client", seen } };
  }
}
