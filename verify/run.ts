import { waypoints, workloads } from "../experiments/names";
import type { WaypointName, WorkloadName } from "../experiments/slices";
import type { Experiment } from "../experiments/types";
import { messageOf } from "../host/errors";
import type { VerifyContext } from "./context";
import { diagnosed } from "./diagnosis";
import { unavailableIn } from "./logs/log-reader";
import { type PodRole, sidecarOf } from "./pods";
import { type Cause, type ExperimentResult, overall, type VerifyReport } from "./report/schema";
import { changedSince, type Marks, marksOf } from "./restore/concurrent-changes";
import { recoverNodes } from "./restore/killed-node";
import { recover } from "./restore/restore";
import { explained, runExperiment } from "./run-experiment";

/** Callbacks for the progress of a run. */
export interface Observer {
  began?(experiment: Experiment): void;
  ended?(result: ExperimentResult): void;
  /** A note about the run. */
  noted?(text: string): void;
}

/** Runs experiments: first those that may run concurrently, then those marked `alone`, one by one. */
export async function runAll(
  context: VerifyContext,
  chosen: readonly Experiment[],
  observer: Observer,
): Promise<VerifyReport> {
  const started = context.clock.now();
  const notes: string[] = [];
  const note = (text: string) => {
    notes.push(text);
    observer.noted?.(text);
  };
  await recoverNodes(context, note);
  await recover(context, note);
  await openLogs(context);
  const readable = await logsReadable(context);
  if (!readable) note("the waypoint's log cannot be read: counters and configuration are used instead where possible");
  const together = readable ? chosen.filter(({ alone }) => !alone) : [];
  const alone = chosen.filter((experiment) => !together.includes(experiment));
  // The state is read before and after the run, so that a change of the lab during the run is noticed.
  const { causes: before, tolerated } = await diagnosed(context);
  for (const text of tolerated) note(text);
  const one = async (experiment: Experiment) => {
    observer.began?.(experiment);
    const result = explained(await runExperiment(context, experiment), experiment, before);
    observer.ended?.(result);
    return result;
  };
  const undisturbed = async (experiment: Experiment, marks: Marks | undefined) => {
    const result = await one(experiment);
    if (result.verdict !== "fail" || isChanging(experiment, context)) return result;
    const [changed] = await changedSince(context, marks);
    if (!changed) return result;
    note(`${result.id}: ${seenBy(result)}; ${changed} was changed meanwhile, so the experiment is repeated`);
    try {
      await recover(context, note);
    } catch (error) {
      context.signal.throwIfAborted();
      note(`${result.id} is not repeated: ${messageOf(error)}`);
      return result;
    }
    return one(experiment);
  };
  const marks = await marksOf(context);
  const results = await Promise.all(together.map((experiment) => undisturbed(experiment, marks)));
  for (const experiment of alone) results.push(await undisturbed(experiment, await marksOf(context)));
  for (const [index, experiment] of [...together, ...alone].entries()) {
    const result = results[index];
    if (!result || !isRepeatable(result) || isChanging(experiment, context)) continue;
    const busy = result.verdict === "inconclusive" ? "this machine was busy, so " : "";
    note(`${result.id}: ${seenBy(result)}; ${busy}the experiment is repeated alone`);
    results[index] = await one(experiment);
  }
  const ordered = chosen.flatMap(({ id }) => results.find((result) => result.id === id) ?? []);
  return reportOf(context, started, ordered, merged(before, (await diagnosed(context)).causes), notes);
}

/** Whether an experiment changes the lab. It is not repeated. */
const isChanging = ({ steps }: Experiment, { facts }: VerifyContext): boolean =>
  steps(facts.settings).some(
    (step) => step.kind === "check" && ["flip", "fail-open", "chaos", "cost"].includes(step.check),
  );

/**
 * Whether an experiment is repeated: all of its misses are due to a slow client, or to a state that flapped, which may have been about
 * to converge. The second result counts.
 */
const isRepeatable = (result: ExperimentResult): boolean =>
  result.verdict !== "pass" &&
  result.verdict !== "skipped" &&
  missesOf(result.findings).every(
    (miss) => miss.flapping || (miss.verdict === "inconclusive" && miss.layer === "client"),
  );

const missesOf = (findings: ExperimentResult["findings"]) =>
  findings.filter(({ verdict }) => verdict !== "pass" && verdict !== "skipped");

const seenBy = ({ findings }: ExperimentResult): string => missesOf(findings)[0]?.seen ?? "";

/** Opens the logs of all proxies before any request: the reader detects lost lines only in a log of which it has read an earlier line. */
async function openLogs({ podFinder, logs, signal }: VerifyContext): Promise<void> {
  const podsOf = async (roles: readonly PodRole[]) =>
    (await Promise.all(roles.map((role) => podFinder.all(role, signal)))).flat();
  const withSidecar = (Object.keys(workloads) as WorkloadName[]).filter((name) => workloads[name].sidecar);
  const [proxies, pods] = await Promise.all([
    podsOf(["gateway", "ztunnel", ...(Object.keys(waypoints) as WaypointName[])]),
    podsOf(withSidecar),
  ]);
  await logs.open([...proxies, ...pods.map(sidecarOf)]);
}

async function logsReadable(context: VerifyContext): Promise<boolean> {
  const pods = await context.podFinder.all("waypoint", context.signal);
  const reads = await Promise.all(pods.map((pod) => context.logs.read(pod)));
  return unavailableIn(reads) === undefined;
}

function merged(before: readonly Cause[], after: readonly Cause[]): Cause[] {
  return [...before, ...after.filter(({ what }) => !before.some((cause) => cause.what === what))];
}

function reportOf(
  { facts, clock }: VerifyContext,
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
    settings: { ...facts.settings },
    results,
    drift: causes.filter(({ kind }) => kind === "drift"),
    health: causes.filter(({ kind }) => kind === "health"),
    notes,
  };
}
