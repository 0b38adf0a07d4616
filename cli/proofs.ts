import type { Command } from "commander";
import type { LabFacts } from "../experiments/types";
import { renderLine, type VerifyReport, verdictMark, verifyLab } from "../verify";
import { keptLine } from "./bug-report/keep";
import { type CommandContext, examples } from "./commands/common";
import { registerVerify } from "./commands/verify";
import { newEvidence, recordTimeline } from "./report/evidence";
import { runningLab } from "./stack/running-lab";
import type { Session } from "./stack/session";
import { readConfig } from "./stack/settings";
import { resolveStack } from "./stack/stack-name";
import { type Io, isColoured } from "./terminal/io";

/** Adds `verify`, with the lab of the asked stack. */
export function registerProofs(program: Command, { io, end }: CommandContext): void {
  registerVerify(program, {
    facts: (stack) => runningLab(io, stack === undefined ? {} : { stack }),
    settings: (stack) => readConfig(io.root, resolveStack(stack, io)),
    evidence: newEvidence,
    open: (facts) => opened(facts, io),
    io: {
      out: (text) => void io.stdout.write(text),
      err: (text) => void io.stderr.write(text),
      isTty: io.live,
      // A report in a file is for programs and editors, whatever stderr is.
      colour: isColoured(io) && Reflect.get(io.stdout, "isTTY") === true,
      signal: io.signal,
    },
    setExitCode: end,
  });
  const verify = program.commands.find((command) => command.name() === "verify");
  if (verify)
    examples(
      verify
        .option("-q, --quiet", "print the result and problems only")
        .option("--verbose", "show the whole story of an error"),
      "npm run lab -- verify",
      "npm run lab -- verify authz-methods --json",
    );
}

const opened = async (facts: LabFacts, { openLabClient, clock }: Io) => ({ lab: await openLabClient(facts), clock });

/** What the proofs of a lab came to. */
export interface ProofResult extends Pick<VerifyReport, "verdict"> {
  /** Folder of their evidence. */
  evidence: string;
}

/** Runs all proofs as a phase, a line for each, and keeps their evidence with the time of the phases. */
export async function prove({ io, stack, progress }: Session, facts: LabFacts): Promise<ProofResult> {
  const evidence = newEvidence(stack);
  const proofs = async () =>
    verifyLab(facts, {
      ...(await opened(facts, io)),
      evidenceDir: evidence,
      signal: io.signal,
      observer: {
        ended: (result) => progress.line(renderLine(result, { colour: isColoured(io) })),
        noted: (text) => progress.line(`Note: ${text}`),
      },
    });
  const { verdict } = await progress.phase("Proofs", proofs, (report) => report.verdict);
  recordTimeline(evidence, stack, progress.phases);
  return { verdict, evidence };
}

const unproven = {
  fail: {
    what: "Not every proof passed: the lab is up, but not what it should be",
    shows: "who decided otherwise, and why",
  },
  inconclusive: {
    what: "The proofs are inconclusive: the lab is up, but it is not proven to be what it should be",
    shows: "what is not proven, and why",
  },
} as const;

/** Says what to do about a lab whose proofs did not pass; nothing where they did. */
export function reportFailedProofs({ stack, io, progress }: Session, { verdict, evidence }: ProofResult): void {
  if (verdict === "pass") return;
  const { what, shows } = unproven[verdict];
  progress.line(`${verdictMark(verdict, { colour: isColoured(io) })} ${what}`);
  progress.line(`    Fix   npm run lab -- report --stack ${stack}   (shows ${shows})`);
  progress.line(keptLine(evidence));
}
