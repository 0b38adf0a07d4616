import { setMaxListeners } from "node:events";
import type { LabSettings } from "../config/schema";
import { experiments } from "../experiments";
import type { Experiment, LabFacts } from "../experiments/types";
import { ExitCode, LabError } from "../host/errors";
import { isEnabled } from "../modules/enabled";
import { labTimings, type Timings, type VerifyContext } from "./context";
import { type Clock, realClock } from "./eventually";
import { kubeLabClient } from "./kube";
import type { LabClient } from "./lab-client";
import { LogReader } from "./logs/log-reader";
import { PodFinder } from "./pods";
import { writeEvidence } from "./report/evidence";
import type { VerifyReport } from "./report/schema";
import { type Observer, runAll } from "./run";

export { parseFacts } from "./lab-facts";
export { explain, explanationText, listExperiments } from "./report/explain";
export { renderJson, renderJUnit } from "./report/formats";
export { runProgress } from "./report/progress";
export type { VerifyReport } from "./report/schema";
export { renderLine, renderText, verdictMark } from "./report/text";

/** Options of a run. */
export interface VerifyOptions {
  /** Ids of the experiments to run. @default all of the story and of the lab's modules */
  only?: readonly string[];
  /** Ends the run after it has restored its changes. */
  signal?: AbortSignal;
  observer?: Observer;
  /** Folder for the evidence. It is created if needed. */
  evidenceDir?: string;
  /** @default those of a lab on a laptop */
  timings?: Partial<Timings>;
  /** @default the cluster that the facts name */
  lab?: LabClient;
  /** @default the time of this machine */
  clock?: Clock;
}

/**
 * Runs the experiments on a running lab.
 * @throws LabError (exit code 2) for an unknown id, or a lab of an earlier version; the signal's reason when it aborts
 */
export async function verifyLab(facts: LabFacts, options: VerifyOptions = {}): Promise<VerifyReport> {
  const chosen = chooseExperiments(facts.settings, options.only ?? []);
  requireDeclaration(facts);
  const lab = options.lab ?? (await kubeLabClient(facts));
  const clock = options.clock ?? realClock;
  const signal = options.signal ?? new AbortController().signal;
  // Each wait adds a listener. Node.js warns about a leak from the eleventh on.
  setMaxListeners(0, signal);
  const context: VerifyContext = {
    facts,
    lab,
    clock,
    timings: { ...labTimings, ...options.timings },
    podFinder: new PodFinder(lab),
    logs: new LogReader(lab, clock, signal),
    attachments: new Map(),
    signal,
  };
  const report = await runAll(context, chosen, options.observer ?? {});
  if (options.evidenceDir) await writeEvidence(options.evidenceDir, report, context);
  return report;
}

/** Outputs of earlier versions of the lab do not have the declared objects. */
function requireDeclaration({ stack, declared }: LabFacts): void {
  if (declared.length > 0) return;
  throw new LabError(
    {
      what: `The outputs of lab "${stack}" do not have the objects that it declares`,
      why: "The proofs compare cluster and proxies with them; an earlier version of the lab did not write them",
      fix: `npm run up -- --stack ${stack}`,
    },
    { exitCode: ExitCode.usage },
  );
}

/**
 * The experiments of a run: by default those of the story and of the lab's modules.
 * @throws LabError (exit code 2) for an unknown id
 */
export function chooseExperiments(settings: LabSettings, ids: readonly string[]): readonly Experiment[] {
  const unknown = ids.filter((id) => !experiments.some((experiment) => experiment.id === id));
  if (unknown.length > 0) {
    throw new LabError(
      {
        what: `No experiment is named ${unknown.map((id) => `"${id}"`).join(", ")}`,
        why: "A run that leaves out what you asked for would look like a success",
        fix: `npm run lab -- verify --list   (${experiments.map(({ id }) => id).join(", ")})`,
      },
      { exitCode: ExitCode.usage },
    );
  }
  if (ids.length === 0) return experiments.filter((experiment) => isEnabled(experiment, settings));
  return experiments.filter(({ id }) => ids.includes(id));
}

/** Exit code of a run: pass 0, fail 1, inconclusive 3. */
export function exitCodeFor({ verdict }: Pick<VerifyReport, "verdict">): ExitCode {
  return { pass: ExitCode.pass, fail: ExitCode.fail, inconclusive: ExitCode.inconclusive }[verdict];
}
