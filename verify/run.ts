import type { Experiment } from "../experiments/types";
import type { Bench } from "./bench";
import { diagnose } from "./diagnosis";
import { DeadlineError, eventually } from "./eventually";
import { flippedBy, isDead, putBack } from "./policy/flip";
import { type Cause, type ExperimentResult, overall, type VerifyReport } from "./report";
import { explained, runExperiment } from "./runner";

/** Hears of each experiment as it begins and ends. */
export interface Observer {
  began?(experiment: Experiment): void;
  ended?(result: ExperimentResult): void;
  /** Something to know about the run itself. */
  noted?(text: string): void;
}

/** Longest life of a flip that is not a dead run's. */
const flipMs = 60_000;

/** Runs experiments: side by side those that disturb nobody, then one by one those that must be alone. */
export async function runAll(bench: Bench, chosen: readonly Experiment[], observer: Observer): Promise<VerifyReport> {
  const started = bench.clock.now();
  const notes: string[] = [];
  const note = (text: string) => {
    notes.push(text);
    observer.noted?.(text);
  };
  await recover(bench, note);
  await openLogs(bench);
  const readable = await logsReadable(bench);
  if (!readable) note("the waypoint's log cannot be read: counters and configuration stand in where they can");
  const together = readable ? chosen.filter(({ alone }) => !alone) : [];
  const alone = chosen.filter((experiment) => !together.includes(experiment));
  // Before and after: a lab that was mended or broken meanwhile is not taken for what it was not.
  const before = await diagnose(bench);
  const one = async (experiment: Experiment) => {
    observer.began?.(experiment);
    const result = explained(await runExperiment(bench, experiment), experiment, before);
    observer.ended?.(result);
    return result;
  };
  const results = await Promise.all(together.map(one));
  for (const experiment of alone) results.push(await one(experiment));
  const ordered = chosen.flatMap(({ id }) => results.find((result) => result.id === id) ?? []);
  return reportOf(bench, started, ordered, merged(before, await diagnose(bench)), notes);
}

/** Undoes the flip of a run that died; waits first for one that may still be alive. */
async function recover({ world, signal, clock }: Bench, note: (text: string) => void): Promise<void> {
  const by = await flippedBy(world, signal);
  if (!by) return;
  if (!isDead(by)) await othersEnd({ world, signal, clock }, `process ${by.pid} on ${by.host} to put the policy back`);
  // istiod writes the policy's status a moment after every change: a write on what was read before is refused.
  const restored = await eventually((limit) => putBack(world, limit), {
    what: "the policy to be put back",
    deadlineMs: flipMs,
    signal,
    clock,
  });
  if (restored) note("AuthorizationPolicy appb-l7 was left changed by a run that died; it is restored");
}

async function othersEnd(
  { world, signal, clock }: Pick<Bench, "world" | "signal" | "clock">,
  what: string,
): Promise<void> {
  const over = async () => {
    if (await flippedBy(world, signal)) throw new Error("it is still changed");
  };
  try {
    await eventually(over, { what, deadlineMs: flipMs, intervalMs: 1_000, signal, clock });
  } catch (error) {
    // A flip takes seconds: whoever has not put the policy back by now never will.
    if (!(error instanceof DeadlineError)) throw error;
  }
}

async function openLogs({ cast, logs, signal }: Bench): Promise<void> {
  const roles = ["gateway", "waypoint", "ztunnel"] as const;
  await logs.open((await Promise.all(roles.map((role) => cast.all(role, signal)))).flat());
}

async function logsReadable(bench: Bench): Promise<boolean> {
  const pods = await bench.cast.all("waypoint", bench.signal);
  const reads = await Promise.all(pods.map((pod) => bench.logs.read(pod)));
  return reads.every((read) => "lines" in read);
}

function merged(before: readonly Cause[], after: readonly Cause[]): Cause[] {
  return [...before, ...after.filter(({ what }) => !before.some((cause) => cause.what === what))];
}

function reportOf(
  { facts, clock }: Bench,
  started: number,
  results: readonly ExperimentResult[],
  causes: readonly Cause[],
  notes: readonly string[],
): VerifyReport {
  return {
    schema: "ambient-lab.verify/v1",
    stack: facts.stack,
    cluster: facts.clusterName ?? facts.context,
    startedAt: new Date(started).toISOString(),
    durationMs: clock.now() - started,
    verdict: overall(results, causes),
    versions: facts.versions,
    settings: facts.settings,
    results,
    drift: causes.filter(({ kind }) => kind === "drift"),
    health: causes.filter(({ kind }) => kind === "health"),
    notes,
  };
}
