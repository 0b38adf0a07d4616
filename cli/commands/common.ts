import type { Command } from "commander";
import type { ExitCode } from "../../host/errors";
import type { Io } from "../terminal/io";

/** What a command's module gets: the world, and a way to end with another exit code than 0. */
export interface CommandContext {
  io: Io;
  /** Sets the exit code of a command that went well as such: a failed proof, an unfit machine. */
  end(code: ExitCode): void;
  /** Adds a line below the problem that ends the command, if one does. */
  note(line: string): void;
}

/** Adds the options that every command has. */
export function common(command: Command): Command {
  return command
    .option("-s, --stack <name>", 'stack to work on (default: $PULUMI_STACK, else the selected one, else "dev")')
    .option("-q, --quiet", "print the result and problems only")
    .option("--verbose", "show the whole story of an error");
}

/** Adds `--json`. */
export function json(command: Command): Command {
  return command.option("--json", "print the answer as JSON");
}

/** Adds `--yes`. */
export function yes(command: Command): Command {
  return command.option("-y, --yes", "do not ask");
}

/** Adds examples below the help. */
export function examples(command: Command, ...lines: readonly string[]): Command {
  return command.addHelpText("after", `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}\n`);
}

/** Text of a JSON answer. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
