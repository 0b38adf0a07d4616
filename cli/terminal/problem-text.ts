import picocolors from "picocolors";
import { formatProblem, LabError, messageOf, ofStack, type Problem, problemsIn } from "../../host/errors";
import { printable } from "../../host/printable";
import { shellWord } from "../../host/shell";
import { passphraseProblem } from "../engine/failure";

/** Space for a problem: the smallest terminal, less the prompt. */
const screen = { lines: 23, columns: 80 };
/** Width of "    What  ". */
const margin = 10;
/** Rows that What and Why of one problem may fill; a Fix is never cut, since half a command is none. */
const rowsShown = { what: 9, why: 4 };

/** How a problem is told. */
export interface ProblemOptions {
  /** What was typed. */
  args: readonly string[];
  /** Everything, with the stacks. */
  verbose: boolean;
  /** @default false */
  colour?: boolean;
  /** It ended because it was told to. @default false */
  interrupted?: boolean;
  /** Stack that the commands of a Fix have to name. @default they go to it by themselves */
  stack?: string;
  /** Lines below the problem. */
  notes?: readonly string[];
}

/** What a command ends with when it failed: the problems that fit a screen, the first ones first. */
export function problemText(thrown: unknown, options: ProblemOptions): string {
  const { args, verbose, notes = [] } = options;
  const headline = headlineOf(args[0] ?? "lab", options);
  const problems = problemsOf(thrown, options).map(printableProblem);
  if (verbose) {
    const texts = [headline + problems.map(formatProblem).join("\n"), ...notes, "", printable(stackOf(thrown)), ""];
    return texts.join("\n");
  }
  let free = screen.lines - 1 - rowsOf(notes.join("\n"), screen.columns);
  const shown: string[] = [];
  for (const problem of problems) {
    const text = formatProblem(clipped(problem));
    // Each text begins with a line break: after the headline it ends that line, after another problem it leaves one empty.
    free -= rowsOf(shown.length > 0 ? text : text.slice(1), screen.columns);
    // The line that counts the rest wants a place, too.
    if (shown.length > 0 && free < 1) break;
    shown.push(text);
  }
  const rest = problems.length - shown.length;
  const more =
    rest > 0 ? [`    … and ${rest} more ${rest === 1 ? "problem" : "problems"}   (--verbose shows all)`] : [];
  return `${[headline + shown.join("\n"), ...more, ...notes].join("\n")}\n`;
}

/** First line of the output of a failed command. */
export const headlineOf = (command: string, { colour = false }: Pick<ProblemOptions, "colour">): string =>
  `${picocolors.createColors(colour).red("✗")} ${command}`;

function problemsOf(thrown: unknown, { args, interrupted, stack }: ProblemOptions): readonly Problem[] {
  if (thrown instanceof LabError) return problemsIn(thrown).map((problem) => ofStack(problem, stack));
  if (interrupted) return [interruption(args)];
  return [passphraseProblem(messageOf(thrown)) ?? surprise(thrown, args)];
}

const printableProblem = ({ what, why, fix }: Problem): Problem => ({
  ...{ what: printable(what), why: printable(why), fix: printable(fix) },
});

const interruption = (args: readonly string[]): Problem => ({
  what: `"${args[0] ?? "lab"}" was interrupted`,
  why: "It was told to stop; what a proof had changed of the lab was put back first",
  fix: `npm run lab -- ${args.map(shellWord).join(" ")}`,
});

function surprise(thrown: unknown, args: readonly string[]): Problem {
  return {
    what: messageOf(thrown).trim(),
    why: "The lab did not expect this: it is a mistake in its own code, or a failure it does not know yet",
    fix: `npm run lab -- ${args.map(shellWord).join(" ")} --verbose   (shows where it happened)`,
  };
}

function clipped({ what, why, fix }: Problem): Problem {
  return { what: clip(what, rowsShown.what), why: clip(why, rowsShown.why), fix };
}

/** The beginning of a text that fills so many rows beside the margin. */
function clip(text: string, rows: number): string {
  const columns = screen.columns - margin;
  if (rowsOf(text, columns) <= rows) return text;
  const kept: string[] = [];
  let free = rows - 1;
  for (const line of text.split("\n")) {
    if (free < 1) break;
    kept.push(line.slice(0, free * columns));
    free -= rowsOf(line, columns);
  }
  return [...kept, "…"].join("\n");
}

/** Rows that a terminal needs for a text. */
function rowsOf(text: string, columns: number): number {
  if (text === "") return 0;
  return text.split("\n").reduce((rows, line) => rows + Math.max(1, Math.ceil(line.length / columns)), 0);
}

/** The thrown error and what caused it, with their stacks. */
function stackOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const own = thrown.stack ?? thrown.message;
  return thrown.cause === undefined ? own : `${own}\nCaused by: ${stackOf(thrown.cause)}`;
}
