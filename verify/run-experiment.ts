import type { Check, Experiment, Probe, Step } from "../experiments/types";
import { disabledReason } from "../modules/enabled";
import { checkKinds } from "./checks";
import { type CheckKind, type Detail, unexpected } from "./checks/check";
import { converging, type VerifyContext } from "./context";
import { causesFor } from "./diagnosis";
import { DeadlineError, eventually } from "./eventually";
import { flapping, flaps } from "./flapping";
import { PreconditionError } from "./precondition-error";
import { isPositive, runProbe } from "./probe/probe";
import { type Cause, type ExperimentResult, type Finding, worst } from "./report/schema";

/** Runs an experiment in three rounds: gates; checks and requests that must be answered; requests that must be refused, each once. */
export async function runExperiment(context: VerifyContext, experiment: Experiment): Promise<ExperimentResult> {
  const started = context.clock.now();
  const { id, title } = experiment;
  const done = (result: Omit<ExperimentResult, "id" | "title" | "durationMs" | "causes">): ExperimentResult => ({
    id,
    title,
    causes: [],
    durationMs: context.clock.now() - started,
    ...result,
  });
  const reason = disabledReason(experiment, context.facts.settings) ?? experiment.skip?.(context.facts);
  if (reason) return done({ verdict: "skipped", reason, findings: [] });
  const findings: Finding[] = [];
  for (const round of rounds(experiment.steps(context.facts.settings))) {
    findings.push(...(await Promise.all(round.map((step) => runStep(context, step)))).flat());
  }
  const verdict = worst(findings.map((finding) => finding.verdict));
  const skipped = findings.filter((finding) => finding.verdict === "skipped").map(({ seen }) => seen);
  if (skipped.length === 0) return done({ verdict, findings });
  const of = verdict === "skipped" ? "" : "not checked: ";
  return done({ verdict, findings, reason: `${of}${[...new Set(skipped)].join("; ")}` });
}

/** Adds the causes to a result that is not a pass; the most basic cause names the layer. */
export function explained(result: ExperimentResult, experiment: Experiment, all: readonly Cause[]): ExperimentResult {
  if (result.verdict === "pass" || result.verdict === "skipped") return result;
  const finding = result.findings.find(({ verdict }) => verdict === result.verdict);
  const causes = result.verdict === "known-upstream" ? [] : causesFor(experiment.objects, all, finding?.layer);
  const layer = causes[0]?.layer ?? finding?.layer;
  return { ...result, causes, ...(layer ? { layer } : {}) };
}

/** The rounds of the steps: gates, positive steps, requests that must be refused. */
function rounds(steps: readonly Step[]): Step[][] {
  const isGate = (step: Step) => step.kind === "check" && "gate" in step;
  const isNegative = (step: Step) => step.kind === "probe" && !isPositive(step);
  return [
    steps.filter(isGate),
    steps.filter((step) => !isGate(step) && !isNegative(step)),
    steps.filter(isNegative),
  ].filter((round) => round.length > 0);
}

async function runStep(context: VerifyContext, step: Step): Promise<Finding[]> {
  try {
    return step.kind === "probe" ? [await runProbe(context, step satisfies Probe)] : await runCheck(context, step);
  } catch (error) {
    context.signal.throwIfAborted();
    return [unexpected(step.name, error)];
  }
}

async function runCheck(context: VerifyContext, check: Check): Promise<Finding[]> {
  // The registry pairs each kind with its own details; the compiler cannot follow a union through an index.
  const kind = checkKinds[check.check] as CheckKind<typeof check.check>;
  const attempt = () => kind.run(context, check as Detail<typeof check.check>);
  if (!kind.settles) return attempt();
  const looks: Finding[][] = [];
  const look = async () => {
    const findings = await attempt().catch((error: unknown) => {
      // A missing precondition is a failed attempt, which is repeated as well.
      if (error instanceof PreconditionError) looks.push([unexpected(check.name, error)]);
      throw error;
    });
    looks.push(findings);
    const miss = missOf(findings);
    if (miss) throw new Error(miss.seen);
    return findings;
  };
  try {
    return settled(looks, await eventually(look, converging(context, check.name)));
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    const last = looks.at(-1);
    if (!last) throw error.cause ?? error;
    return settled(looks, missOf(last) ? last : last.map((finding) => tooFew(finding, looks, context.timings.streak)));
  }
}

const missOf = (findings: readonly Finding[]): Finding | undefined =>
  findings.find(({ verdict }) => verdict !== "pass");

/** The findings of the last attempt, unless earlier attempts show that the state flaps. */
function settled(looks: readonly Finding[][], last: Finding[]): Finding[] {
  // An inconclusive attempt is neither good nor bad.
  const conclusive = looks.filter((findings) => findings.every(({ verdict }) => verdict !== "inconclusive"));
  const good = conclusive.map((findings) => missOf(findings) === undefined);
  if (!flaps(good)) return last;
  const missed = conclusive[good.lastIndexOf(false)] ?? last;
  return missed.map((finding) => (finding.verdict === "pass" ? finding : flapping(finding, good)));
}

/** A good state that was seen fewer times in a row than required before the deadline. */
function tooFew(finding: Finding, looks: readonly Finding[][], streak: number): Finding {
  const row = looks.length - 1 - looks.findLastIndex((findings) => missOf(findings) !== undefined);
  const seen = `good ${row} of ${streak} times in a row when the time was up, after ${looks.length - row} misses; ${finding.seen}`;
  return { ...finding, verdict: "inconclusive", layer: "client", seen };
}
