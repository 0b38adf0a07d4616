import type { Command } from "commander";
import type { LabFacts } from "../../experiments/types";
import { tableLines } from "../../host/table";
import {
  chooseExperiments,
  explain,
  explanationText,
  listExperiments,
  renderLine,
  runProgress,
  type VerifyOptions,
  type VerifyReport,
  verdictMark,
  verifyLab,
} from "../../verify";
import { keptLine } from "../bug-report";
import { recordCost } from "../report/cost-history";
import { newEvidence, recordTimeline } from "../report/evidence";
import { runningLab } from "../stack/running-lab";
import type { Session } from "../stack/session";
import { readConfig } from "../stack/settings";
import { resolveStack } from "../stack/stack-name";
import { type Io, isColoured } from "../terminal/io";
import { type CommandContext, common, examples, json, jsonText } from "./common";
import { endWithReport } from "./verify-report";

interface CommandOptions {
  only?: string[];
  list?: boolean;
  explain?: string;
  json?: boolean;
  junit?: string;
  evidence?: string;
  stack?: string;
}

/** `verify`: runs the experiments on the running lab. */
export function registerVerify(program: Command, context: CommandContext): void {
  const command = program
    .command("verify")
    .description("verify the experiments on the running lab, with evidence from the layer that decided")
    .argument("[id...]", "experiments to run; all of the lab when none is named");
  examples(
    json(common(command))
      .option("--only <id...>", "experiments to run, as the arguments do")
      .option("--list", "list the experiments")
      .option("--explain <id>", "explain what an experiment sends and expects, and why")
      .option("--junit <file>", "write the report as JUnit XML to a file")
      .option(
        "--evidence <dir>",
        "folder for requests, answers, log lines and configuration (default: ~/.ambient-lab/evidence/STACK)",
      ),
    "npm run lab -- verify",
    "npm run lab -- verify authz-methods --json",
  );
  command.action((ids: string[], options: CommandOptions) => verify(ids, options, context));
}

/** Runs the named experiments, or all of the lab, and prints the report. Sets the exit code of the verdict. */
export async function verify(ids: readonly string[], options: CommandOptions, context: CommandContext) {
  const { io } = context;
  if (options.list) return list(options, io);
  if (options.explain) {
    const explanation = explain(options.explain, readConfig(io.root, resolveStack(options.stack, io)));
    io.stdout.write(options.json ? jsonText(explanation) : explanationText(explanation));
    return;
  }
  const facts = await runningLab(io, options);
  const only = [...ids, ...(options.only ?? [])];
  // Evidence of a part of the experiments would replace that of the last complete run in the report.
  const folder = options.evidence ?? (only.length === 0 ? newEvidence(facts.stack) : undefined);
  const count = chooseExperiments(facts.settings, only).length;
  const progress = runProgress(count, (text) => void io.stderr.write(text), io.live);
  const run = runVerifier(facts, io, { only, observer: progress, evidenceDir: folder });
  endWithReport(context, await run.finally(progress.end), { ...options, command: "verify" });
}

/** Runs the verifier on a lab, with the client, the clock and the signal of the command. Keeps what it measured for later reports. */
export async function runVerifier(
  facts: LabFacts,
  { openLabClient, clock, signal }: Io,
  options: Pick<VerifyOptions, "only" | "observer" | "evidenceDir">,
): Promise<VerifyReport> {
  const report = await verifyLab(facts, { lab: await openLabClient(facts), clock, signal, ...options });
  recordCost(report);
  return report;
}

function list(options: CommandOptions, io: Io): void {
  const all = listExperiments();
  const rows = all.map(({ id, title, module }) => [id, `${title}${module ? ` (module ${module})` : ""}`]);
  io.stdout.write(options.json ? jsonText(all) : `${tableLines(rows).join("\n")}\n`);
}

/** Result of the experiments of a lab. */
export interface ProofResult extends Pick<VerifyReport, "verdict" | "drift" | "health"> {
  /** Folder of the evidence. */
  evidence: string;
}

/** Runs all experiments as a phase, prints a line for each, and keeps the evidence with the durations of the phases. */
export async function prove({ io, stack, progress }: Session, facts: LabFacts): Promise<ProofResult> {
  const evidence = newEvidence(stack);
  const observer: VerifyOptions["observer"] = {
    ended: (result) => progress.line(renderLine(result, { colour: isColoured(io) })),
    noted: (text) => progress.line(`Note: ${text}`),
  };
  const proofs = () => runVerifier(facts, io, { evidenceDir: evidence, observer });
  const { verdict, drift, health } = await progress.phase("Proofs", proofs, (report) => report.verdict);
  recordTimeline(evidence, stack, progress.phases);
  return { verdict, drift, health, evidence };
}

const unproven = {
  fail: {
    what: "Not every proof passed: the lab is up, but not what it should be",
    shows: "the layer that decided otherwise, and the reason",
  },
  inconclusive: {
    what: "The proofs are inconclusive: the lab is up, but it is not proven to be what it should be",
    shows: "what is not proven, and why",
  },
} as const;

/** Prints the problem of a lab whose verdict is not "pass", and its fix. */
export function reportFailedProofs(
  { stack, io, progress }: Session,
  { verdict, drift, health, evidence }: ProofResult,
): void {
  if (verdict === "pass") return;
  const { what, shows } = unproven[verdict];
  progress.line(`${verdictMark(verdict, { colour: isColoured(io) })} ${what}`);
  // The lines of the experiments do not contain them.
  for (const cause of [...drift, ...health]) progress.line(`    ${cause.layer}: ${cause.what}`);
  progress.line(`    Fix   npm run lab -- report --stack ${stack}   (shows ${shows})`);
  progress.line(keptLine(evidence));
}
