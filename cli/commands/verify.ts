import type { Command } from "commander";
import type { LabSettings } from "../../config/schema";
import type { LabFacts } from "../../experiments/types";
import { ExitCode, LabError, messageOf } from "../../host/errors";
import { writeWhole } from "../../host/write-file";
import {
  chooseExperiments,
  exitCodeFor,
  explain,
  explanationText,
  listExperiments,
  renderJson,
  renderJUnit,
  renderText,
  runProgress,
  type VerifyOptions,
  verifyLab,
} from "../../verify";
import { jsonText } from "./common";

/** What the verb needs from the program around it. */
export interface VerifyDeps {
  /** The living lab of a stack. */
  facts(stack?: string): Promise<LabFacts>;
  /** What a stack's configuration asks for, whether it has a lab or not. */
  settings(stack?: string): LabSettings;
  /** Folder for the evidence of a whole run of a stack, when none is named. */
  evidence?: (stack: string) => string;
  /** The cluster of a lab, and the time that the run goes by. */
  open(facts: LabFacts): Promise<Pick<VerifyOptions, "lab" | "clock">>;
  io: { out(text: string): void; err(text: string): void; isTty: boolean; colour: boolean; signal: AbortSignal };
  setExitCode(code: number): void;
}

interface Flags {
  only?: string[];
  list?: boolean;
  explain?: string;
  json?: boolean;
  junit?: string;
  evidence?: string;
  stack?: string;
}

/** Adds `lab verify`. */
export function registerVerify(program: Command, deps: VerifyDeps): void {
  program
    .command("verify")
    .description("prove every experiment on the living lab, with the layer that decided")
    .argument("[id...]", "experiments to run; all of the lab when none is named")
    .option("--only <id...>", "experiments to run, as the arguments do")
    .option("--list", "list the experiments")
    .option("--explain <id>", "say what an experiment sends, what it expects, and why")
    .option("--json", "write the report as JSON to stdout")
    .option("--junit <file>", "write the report as JUnit XML to a file")
    .option("--evidence <dir>", "folder for requests, answers, log lines and configuration (default: kept by the lab)")
    .option("--stack <name>", "the stack whose lab is verified")
    .action((ids: string[], flags: Flags) => act(ids, flags, deps));
}

async function act(ids: readonly string[], flags: Flags, deps: VerifyDeps): Promise<void> {
  if (flags.list) return list(flags, deps);
  if (flags.explain) {
    const explanation = explain(flags.explain, deps.settings(flags.stack));
    return deps.io.out(flags.json ? jsonText(explanation) : explanationText(explanation));
  }
  const facts = await deps.facts(flags.stack);
  const only = [...ids, ...(flags.only ?? [])];
  // A part of a run would hide the last whole one from the report.
  const folder = flags.evidence ?? (only.length === 0 ? deps.evidence?.(facts.stack) : undefined);
  const progress = runProgress(chooseExperiments(facts.settings, only).length, deps.io.err, deps.io.isTty);
  const report = await verifyLab(facts, {
    ...(await deps.open(facts)),
    only,
    signal: deps.io.signal,
    observer: progress,
    ...(folder ? { evidenceDir: folder } : {}),
  }).finally(progress.end);
  if (flags.junit) save(flags.junit, renderJUnit(report));
  deps.io.out(flags.json ? renderJson(report) : renderText(report, { colour: deps.io.colour }));
  deps.setExitCode(exitCodeFor(report));
}

function list(flags: Flags, { io }: VerifyDeps): void {
  const all = listExperiments();
  const width = Math.max(...all.map(({ id }) => id.length));
  const text = all.map(
    ({ id, title, module }) => `${id.padEnd(width)}  ${title}${module ? ` (module ${module})` : ""}`,
  );
  io.out(flags.json ? jsonText(all) : `${text.join("\n")}\n`);
}

function save(file: string, text: string): void {
  try {
    writeWhole(file, text);
  } catch (cause) {
    throw new LabError(
      {
        what: cause instanceof LabError ? cause.what : messageOf(cause),
        why: "A report that was asked for and is not there would be taken for a run that never was",
        fix: "npm run lab -- verify --junit FILE   (in a folder that exists and may be written)",
      },
      { exitCode: ExitCode.usage, cause },
    );
  }
}
