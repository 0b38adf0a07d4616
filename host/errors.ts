/** The exit codes of every command: 0 pass, 1 fail, 2 usage or config, 3 inconclusive, 4 the machine is not fit. */
export const ExitCode = { pass: 0, fail: 1, usage: 2, inconclusive: 3, unfit: 4 } as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** What a person needs to get past a problem. */
export interface Problem {
  /** The observed fact. One sentence, no final period, quotes round values. */
  what: string;
  /** The reason why that fact stops the lab. */
  why: string;
  /** A command or a config key that solves it and works offline. */
  fix: string;
}

/** A problem the user can solve; printed as What / Why / Fix, never as a stack trace. */
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

/** Several problems found in one pass, so that the user mends them in one go. */
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

/** The three lines of a problem, indented to stand below a headline. */
export function formatProblem({ what, why, fix }: Problem): string {
  const block = (label: string, text: string) => `    ${label}  ${text.replaceAll("\n", "\n          ")}`;
  return ["", block("What", what), block("Why ", why), block("Fix ", fix)].join("\n");
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
