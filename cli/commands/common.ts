import { once } from "node:events";
import type { Command } from "commander";
import { ExitCode, LabError, messageOf, UsageError } from "../../host/errors";
import { writeWhole } from "../../host/write-file";
import { type Io, isColoured } from "../terminal/io";
import { problemText } from "../terminal/problem-text";

/** Context of a command. */
export interface CommandContext {
  io: Io;
  /** Sets the exit code of a command that ends without an error, such as after a failed experiment. @default 0 */
  end(code: ExitCode): void;
  /** Adds a line below the problem that ends the command, if there is one. */
  note(line: string): void;
}

/** Adds the options of every command. */
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

/** Resolves when the signal aborts, at once if it is aborted already. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}

/** A value as JSON text. */
export const jsonText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** The arguments of a command, and the stack that commands in a Fix must name. */
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
 * Writes a file that the user named.
 * @throws UsageError when it cannot be written
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
