import picocolors from "picocolors";
import { formatProblem, LabError, messageOf, ofStack, type Problem, problemsIn } from "../../host/errors";
import { printable } from "../../host/printable";
import { shellWord } from "../../host/shell";
import { passphraseProblem } from "../engine/failure";

/** Space for a problem: a terminal of 24 lines, without the line of the prompt. */
const screen = { lines: 23, columns: 80 };
/** Width of "    What  ". */
const margin = 10;
/** Maximum rows of What and Why of one problem. A Fix is never cut, because a part of a command is useless. */
const rowsShown = { what: 9, why: 4 };

/** Options of {@link problemText}. */
export interface ProblemOptions {
  /** Arguments of the command. */
  args: readonly string[];
  /** Whether to print all problems uncut, and the stack traces. */
  verbose: boolean;
  /** @default false */
  colour?: boolean;
  /** Whether the user or the system interrupted the command. @default false */
  interrupted?: boolean;
  /** Stack that the commands of a Fix must name. @default none: it is the default stack */
  stack?: string;
  /** Lines below the problem. */
  notes?: readonly string[];
}

/** Output of a failed command: as many problems as fit on a screen. */
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
    // Each text begins with a line break. After the headline it ends that line, after another problem it adds an empty line.
    free -= rowsOf(shown.length > 0 ? text : text.slice(1), screen.columns);
    // One row is reserved for the number of further problems.
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
  return [passphraseProblem(messageOf(thrown)) ?? unexpectedProblem(thrown, args)];
}

const printableProblem = ({ what, why, fix }: Problem): Problem => ({
  ...{ what: printable(what), why: printable(why), fix: printable(fix) },
});

const interruption = (args: readonly string[]): Problem => ({
  what: `"${args[0] ?? "lab"}" was interrupted`,
  why: "The changes of a running experiment to the lab were undone first",
  fix: `npm run lab -- ${args.map(shellWord).join(" ")}`,
});

function unexpectedProblem(thrown: unknown, args: readonly string[]): Problem {
  return {
    what: messageOf(thrown).trim(),
    why: "The error is unexpected: a bug of the lab, or a failure that it does not handle",
    fix: `npm run lab -- ${args.map(shellWord).join(" ")} --verbose   (shows where it happened)`,
  };
}

function clipped({ what, why, fix }: Problem): Problem {
  return { what: clip(what, rowsShown.what), why: clip(why, rowsShown.why), fix };
}

/** The beginning of a text, cut to a number of rows. */
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

/** Number of rows of a text on a terminal. */
function rowsOf(text: string, columns: number): number {
  if (text === "") return 0;
  return text.split("\n").reduce((rows, line) => rows + Math.max(1, Math.ceil(line.length / columns)), 0);
}

/** Stack traces of an error and its causes. */
function stackOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const own = thrown.stack ?? thrown.message;
  return thrown.cause === undefined ? own : `${own}\nCaused by: ${stackOf(thrown.cause)}`;
}
