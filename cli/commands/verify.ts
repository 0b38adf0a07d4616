import type { Command } from "commander";
import type { LabFacts } from "../../experiments/types";
import {
  chooseExperiments,
  exitCodeFor,
  explain,
  explanationText,
  listExperiments,
  renderJson,
  renderJUnit,
  renderLine,
  renderText,
  runProgress,
  type VerifyReport,
  verdictMark,
  verifyLab,
} from "../../verify";
import { keptLine } from "../bug-report";
import { newEvidence, recordTimeline } from "../report/evidence";
import { runningLab } from "../stack/running-lab";
import type { Session } from "../stack/session";
import { readConfig } from "../stack/settings";
import { resolveStack } from "../stack/stack-name";
import { type Io, isColoured } from "../terminal/io";
import { type CommandContext, common, examples, json, jsonText, saveReport } from "./common";

interface VerifyOptions {
  only?: string[];
  list?: boolean;
  explain?: string;
  json?: boolean;
  junit?: string;
  evidence?: string;
  stack?: string;
}

/** `verify`: the experiments on the living lab. */
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
  command.action((ids: string[], options: VerifyOptions) => verify(ids, options, context));
}

/** Runs the named experiments, or all of the lab, and prints the report. Sets the exit code of the verdict. */
export async function verify(ids: readonly string[], options: VerifyOptions, { io, end }: CommandContext) {
  if (options.list) return list(options, io);
  if (options.explain) {
    const explanation = explain(options.explain, readConfig(io.root, resolveStack(options.stack, io)));
    io.stdout.write(options.json ? jsonText(explanation) : explanationText(explanation));
    return;
  }
  const facts = await runningLab(io, options);
  const only = [...ids, ...(options.only ?? [])];
  // The evidence of some experiments would hide that of the last whole run from the report.
  const folder = options.evidence ?? (only.length === 0 ? newEvidence(facts.stack) : undefined);
  const count = chooseExperiments(facts.settings, only).length;
  const progress = runProgress(count, (text) => void io.stderr.write(text), io.live);
  const report = await verifyLab(facts, {
    ...(await labClient(facts, io)),
    only,
    signal: io.signal,
    observer: progress,
    ...(folder ? { evidenceDir: folder } : {}),
  }).finally(progress.end);
  if (options.junit) {
    saveReport(options.junit, renderJUnit(report), {
      why: "A missing report would be taken for a run that did not happen",
      fix: "npm run lab -- verify --junit FILE   (in a folder that exists and is writable)",
    });
  }
  // A report in a file is for programs and editors, whatever stderr is.
  const colour = isColoured(io) && Reflect.get(io.stdout, "isTTY") === true;
  io.stdout.write(options.json ? renderJson(report) : renderText(report, { colour }));
  end(exitCodeFor(report));
}

const labClient = async (facts: LabFacts, { openLabClient, clock }: Io) => ({ lab: await openLabClient(facts), clock });

function list(options: VerifyOptions, io: Io): void {
  const all = listExperiments();
  const width = Math.max(...all.map(({ id }) => id.length));
  const text = all.map(
    ({ id, title, module }) => `${id.padEnd(width)}  ${title}${module ? ` (module ${module})` : ""}`,
  );
  io.stdout.write(options.json ? jsonText(all) : `${text.join("\n")}\n`);
}

/** The result of the proofs of a lab. */
export interface ProofResult extends Pick<VerifyReport, "verdict" | "drift" | "health"> {
  /** Folder of their evidence. */
  evidence: string;
}

/** Runs all proofs as a phase, a line for each, and keeps their evidence with the time of the phases. */
export async function prove({ io, stack, progress }: Session, facts: LabFacts): Promise<ProofResult> {
  const evidence = newEvidence(stack);
  const proofs = async () =>
    verifyLab(facts, {
      ...(await labClient(facts, io)),
      evidenceDir: evidence,
      signal: io.signal,
      observer: {
        ended: (result) => progress.line(renderLine(result, { colour: isColoured(io) })),
        noted: (text) => progress.line(`Note: ${text}`),
      },
    });
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

/** Says what to do about a lab whose proofs did not pass; nothing where they did. */
export function reportFailedProofs(
  { stack, io, progress }: Session,
  { verdict, drift, health, evidence }: ProofResult,
): void {
  if (verdict === "pass") return;
  const { what, shows } = unproven[verdict];
  progress.line(`${verdictMark(verdict, { colour: isColoured(io) })} ${what}`);
  // No line of an experiment shows them.
  for (const cause of [...drift, ...health]) progress.line(`    ${cause.layer}: ${cause.what}`);
  progress.line(`    Fix   npm run lab -- report --stack ${stack}   (shows ${shows})`);
  progress.line(keptLine(evidence));
}
