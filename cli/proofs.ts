import type { Command } from "commander";
import type { ExitCode } from "../errors";
import type { LabFacts } from "../experiments/types";
import { exitCodeFor, renderLine, verifyLab } from "../verify";
import { type CommandContext, examples } from "./commands/common";
import { registerVerify } from "./commands/verify";
import { type Io, isColoured } from "./io";
import { livingLab } from "./living-lab";
import type { Progress } from "./progress";
import { newEvidence } from "./report/keep";
import { readConfig } from "./settings";
import { resolveStack } from "./stack-name";

/** Adds `verify`, with the lab of the asked stack. */
export function registerProofs(program: Command, { io, end }: CommandContext): void {
  registerVerify(program, {
    facts: (stack) => livingLab(io, stack === undefined ? {} : { stack }),
    settings: (stack) => readConfig(io.root, resolveStack(stack, io)),
    evidence: newEvidence,
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

/** Runs all proofs, a line for each, and keeps their evidence; the exit code tells how they went. */
export async function prove(facts: LabFacts, io: Io, progress: Progress, evidenceDir: string): Promise<ExitCode> {
  const report = await verifyLab(facts, {
    evidenceDir,
    signal: io.signal,
    observer: {
      ended: (result) => progress.line(renderLine(result, { colour: isColoured(io) })),
      noted: (text) => progress.line(`Note: ${text}`),
    },
  });
  return exitCodeFor(report);
}
