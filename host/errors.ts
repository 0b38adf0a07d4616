import { shellWord } from "./shell";

/** The exit codes of every command: 0 pass, 1 fail, 2 usage or configuration, 3 inconclusive, 4 unfit machine. */
export const ExitCode = { pass: 0, fail: 1, usage: 2, inconclusive: 3, unfit: 4 } as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** A problem that the user can solve. */
export interface Problem {
  /** The observed fact: one sentence without a final period, with values in quotes. */
  what: string;
  /** The reason why the fact stops the lab. */
  why: string;
  /** A command or a configuration key that solves the problem and works offline. */
  fix: string;
}

/** A {@link Problem} as an error; printed as What / Why / Fix, without a stack trace. */
export class LabError extends Error implements Problem {
  readonly what: string;
  readonly why: string;
  readonly fix: string;
  readonly exitCode: ExitCode;

  constructor(problem: Problem, options: { exitCode?: ExitCode; cause?: unknown } = {}) {
    super(formatProblem(problem), { cause: options.cause });
    this.name = "LabError";
    this.what = problem.what;
    this.why = problem.why;
    this.fix = problem.fix;
    this.exitCode = options.exitCode ?? ExitCode.fail;
  }
}

/** A problem of the command line or the configuration: exit code 2. */
export class UsageError extends LabError {
  constructor(problem: Problem, cause?: unknown) {
    super(problem, { exitCode: ExitCode.usage, cause });
  }
}

/** A problem of the machine: exit code 4. */
export class UnfitError extends LabError {
  constructor(problem: Problem, cause?: unknown) {
    super(problem, { exitCode: ExitCode.unfit, cause });
  }
}

/** Commands of the lab that work on a stack. The first group is set for a command with an npm script of its own. */
const stackCommands =
  /(npm run (?:up|preview|destroy)\b)(?: --(?= ))?|npm run (?:--silent )?lab -- (?:config )?[a-z][\w-]*/g;

/** Adds `--stack` to the commands of a Fix that do not name a stack. */
export function ofStack<P extends Pick<Problem, "fix">>(problem: P, stack: string | undefined): P {
  if (stack === undefined) return problem;
  const { fix } = problem;
  const named = fix.replace(stackCommands, (command: string, script: string | undefined, at: number) => {
    const [options = ""] = fix.slice(at + command.length).split(/&&|;|\n| {2}|["(),]/, 1);
    if (/ (--stack|-s)/.test(options)) return command;
    return `${script ? `${script} --` : command} --stack ${shellWord(stack)}`;
  });
  return { ...problem, fix: named };
}

/** Several problems that were found in one pass. */
export class LabErrors extends LabError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], exitCode: ExitCode) {
    const [first, ...more] = problems;
    if (!first) throw new RangeError("Cannot make LabErrors of no problem");
    super(first, { exitCode });
    this.problems = problems;
    this.message = [first, ...more].map(formatProblem).join("\n");
  }
}

/** Labels of a formatted problem, padded to the same width. */
const labels = [
  ["what", "What"],
  ["why", "Why "],
  ["fix", "Fix "],
] as const;
/** Indentation of further lines of a text: the width of a label and its gap. */
const hangingIndent = " ".repeat("What  ".length);

/**
 * The three lines of a problem, indented to follow a headline. The Pulumi engine transports only text: a problem passes
 * through it in this form, and {@link parseProblems} reads it. Scripts of the lab print the same lines without a margin.
 */
export function formatProblem(problem: Problem): string {
  const margin = "    ";
  const block = (label: string, text: string) =>
    `${margin}${label}  ${text.replaceAll("\n", `\n${margin}${hangingIndent}`)}`;
  return ["", ...labels.map(([key, label]) => block(label, problem[key]))].join("\n");
}

/**
 * Reads the problems that {@link formatProblem} wrote into a text, each once, and ignores all other lines.
 * A line that is indented less than the first line of its problem is lost.
 */
export function parseProblems(text: string): Problem[] {
  const problems: Problem[] = [];
  let margin = "";
  let parts: string[] = [];
  let continues = false;
  const flush = () => {
    const [what, why, fix] = parts;
    if (what === undefined || why === undefined || fix === undefined) return;
    if (!problems.some((known) => known.what === what)) problems.push({ what, why, fix });
  };
  for (const line of text.split("\n")) {
    const last = parts.length - 1;
    // A continuation comes first: a text may contain a label, or a whole formatted problem.
    if (continues && line.startsWith(margin + hangingIndent)) {
      parts[last] += `\n${line.slice(margin.length + hangingIndent.length)}`;
      continue;
    }
    const [head = "", indent = "", label] = /^( *)(What|Why |Fix ) {2}/.exec(line) ?? [];
    const begins = label === "What";
    continues = begins || (indent === margin && label !== undefined && label === labels[parts.length]?.[1]);
    if (!continues) continue;
    if (begins) {
      flush();
      [margin, parts] = [indent, []];
    }
    parts.push(line.slice(head.length));
  }
  flush();
  return problems;
}

/** Every problem of an error. */
export const problemsIn = (error: LabError): readonly Problem[] =>
  error instanceof LabErrors ? error.problems : [{ what: error.what, why: error.why, fix: error.fix }];

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
