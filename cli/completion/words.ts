import type { Command } from "commander";

/** An option as a shell completes it. */
export interface OptionWords {
  /** Such as "--stack"; short forms are quicker to type than to complete. */
  flag: string;
  description: string;
  /** What may follow it: nothing, one of some words, or anything (file names are offered). */
  value: "none" | "any" | readonly string[];
}

/** A verb as a shell completes it. */
export interface VerbWords {
  name: string;
  description: string;
  options: readonly OptionWords[];
  /** Words that its arguments may be. */
  values: readonly string[];
}

/** What can be typed, read from the program itself; `more` adds arguments that Commander does not know as choices. */
export function wordsOf(program: Command, more: Readonly<Record<string, readonly string[]>> = {}): VerbWords[] {
  return program.commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    options: command.options.flatMap(({ long, description, required, optional, argChoices }): OptionWords[] =>
      long ? [{ flag: long, description, value: required || optional ? (argChoices ?? "any") : "none" }] : [],
    ),
    values: [
      ...command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
      ...(more[command.name()] ?? []),
    ],
  }));
}
