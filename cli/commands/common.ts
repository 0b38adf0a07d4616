import type { Command } from "commander";
import { ExitCode, LabError, messageOf, UsageError } from "../../host/errors";
import { writeWhole } from "../../host/write-file";
import { type Io, isColoured } from "../terminal/io";
import { problemText } from "../terminal/problem-text";

/** What a command gets: the input and output of the process, and the means to set an exit code other than 0. */
export interface CommandContext {
  io: Io;
  /** Sets the exit code of a command that ends without an error: after a failed proof, or on an unfit machine. */
  end(code: ExitCode): void;
  /** Adds a line below the problem that ends the command, if one does. */
  note(line: string): void;
}

/** Adds the options that every command has. */
export function common(command: Command): Command {
  return command
    .option("-s, --stack <name>", 'stack to work on (default: $PULUMI_STACK, else the selected one, else "dev")')
    .option("-q, --quiet", "print the result and problems only")
    .option("--verbose", "show the stack trace of an error");
}

/** Adds `--json`. */
export function json(command: Command): Command {
  return command.option("--json", "print the answer as JSON (npm run --silent lab -- …: without npm's banner)");
}

/** Adds `--yes`. */
export function yes(command: Command): Command {
  return command.option("-y, --yes", "do not ask");
}

/** Adds examples below the help. */
export function examples(command: Command, ...lines: readonly string[]): Command {
  return command.addHelpText("after", `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}\n`);
}

/** Resolves when a command that runs until it is interrupted has to end. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((done) => {
    if (signal.aborted) done();
    signal.addEventListener("abort", () => done(), { once: true });
  });

/** Text of a JSON answer. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** The command line of a command, and the stack that commands in the text of a problem have to name. */
export interface ActionOptions {
  args: readonly string[];
  stack(): string | undefined;
}

/**
 * Runs the action of a command and prints the problem that ends it, if there is one.
 * @returns the exit code
 */
export async function runAction(
  io: Io,
  { args, stack }: ActionOptions,
  action: (context: CommandContext) => Promise<void>,
): Promise<ExitCode> {
  let code: ExitCode = ExitCode.pass;
  const notes: string[] = [];
  try {
    await action({
      io: { ...io },
      note: (line) => notes.push(line),
      end: (other) => {
        code = other;
      },
    });
    return code;
  } catch (thrown) {
    const interrupted = io.signal.aborted && thrown === io.signal.reason;
    const how = { verbose: args.includes("--verbose"), colour: isColoured(io), interrupted, notes };
    io.stderr.write(problemText(thrown, { args, stack: stack(), ...how }));
    return thrown instanceof LabError ? thrown.exitCode : ExitCode.fail;
  }
}

/**
 * Writes a file that the user has named.
 * @throws LabError (exit code 2) when it cannot be written
 */
export function saveReport(
  file: string,
  text: string,
  { why, fix, mode }: { why: string; fix: string; mode?: number },
) {
  try {
    writeWhole(file, text, mode);
  } catch (cause) {
    const what = cause instanceof LabError ? cause.what : messageOf(cause);
    throw new UsageError({ what, why, fix }, cause);
  }
}
