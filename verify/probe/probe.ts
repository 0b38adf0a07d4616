import type { Probe } from "../../experiments/types";
import { converging, type VerifyContext } from "../context";
import { DeadlineError, eventually } from "../eventually";
import { flapping, flaps } from "../flapping";
import type { Finding } from "../report/schema";
import { answerFits, judge, recordsWanted } from "./judge";
import { recordsOf } from "./records";
import { type Answer, injectedMs, requestLimit, send } from "./send";

/** Time for the exec call to the pod, in addition to the request. */
const graceMs = 3_000;

/** Whether a probe expects an answer. It is repeated until it succeeds; a probe that must be refused is sent once. */
export const isPositive = (probe: Probe): boolean => probe.expect.outcome === "answered";

/** Sends a probe and judges its answer. */
export async function runProbe(context: VerifyContext, probe: Probe): Promise<Finding> {
  if (!isPositive(probe)) return judged(context, probe, await send(context, probe, context.signal));
  const { answer, doubt, looks } = await converged(context, probe);
  const finding = await judged(context, probe, answer);
  if (flaps(looks)) return flapping(finding, looks);
  if (!doubt || finding.verdict !== "pass") return finding;
  const { streak } = context.timings;
  const expected = `${streak} good answers in a row`;
  return { ...finding, ...doubt, seen: `${doubt.seen}; ${finding.seen}`, expected };
}

async function judged(context: VerifyContext, probe: Probe, answer: Answer): Promise<Finding> {
  // After an unexpected answer all records are read, to find the layer that gave it.
  const wanted = answerFits(probe.expect, answer)
    ? recordsWanted(probe.expect)
    : (["gateway", "waypoint", "ztunnel"] as const);
  return judge(probe, answer, await recordsOf(context, answer, wanted));
}

interface Converged {
  /** The answer to judge: the last one, or the last bad one of a state that flaps. */
  answer: Answer;
  /** Whether each answer was good. */
  looks: readonly boolean[];
  /** The last answers are good, but fewer in a row than required. */
  doubt?: Pick<Finding, "verdict" | "layer" | "seen">;
}

async function converged(context: VerifyContext, probe: Probe): Promise<Converged> {
  const { convergeMs, streak } = context.timings;
  const answers: Answer[] = [];
  // A request without an answer runs until its own timeout; the records then show which layer did not answer. An injected delay
  // adds to each request.
  const deadlineMs = Math.max(convergeMs + streak * injectedMs(context.facts), requestLimit(context) + graceMs);
  const outcome = await eventually(
    async (signal) => {
      const answer = await send(context, probe, signal);
      answers.push(answer);
      if (!answerFits(probe.expect, answer)) throw new Error(answer.error ?? `status ${answer.status}`);
    },
    { ...converging(context, probe.name), deadlineMs },
  ).catch((error: unknown) => {
    if (error instanceof DeadlineError) return error;
    throw error;
  });
  const last = answers.at(-1);
  if (!last) throw outcome?.cause instanceof Error ? outcome.cause : new Error(`no answer to ${probe.name}`);
  const looks = answers.map((answer) => answerFits(probe.expect, answer));
  const miss = looks.lastIndexOf(false);
  if (flaps(looks)) return { answer: answers[miss] ?? last, looks };
  if (!outcome || miss === looks.length - 1) return { answer: last, looks };
  const seen = `good ${looks.length - 1 - miss} of ${streak} times in a row when the time was up, after ${miss + 1} misses`;
  return { answer: last, looks, doubt: { verdict: "inconclusive", layer: "client", seen } };
}
