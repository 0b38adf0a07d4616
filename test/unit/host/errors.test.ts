import { describe, expect, test } from "vitest";
import {
  ExitCode,
  formatProblem,
  LabError,
  LabErrors,
  messageOf,
  type Problem,
  parseProblems,
} from "../../../host/errors";

const problem = {
  what: "Port 80 is in use",
  why: "The gateway needs it",
  fix: "npm run lab -- config set httpPort 8080",
};

describe("errors", () => {
  test("formatProblem() prints What, Why and Fix in this order, aligned", () => {
    expect(formatProblem(problem)).toBe(
      [
        "",
        "    What  Port 80 is in use",
        "    Why   The gateway needs it",
        "    Fix   npm run lab -- config set httpPort 8080",
      ].join("\n"),
    );
  });

  test("formatProblem() indents further lines below the first", () => {
    expect(formatProblem({ ...problem, what: "one\ntwo" })).toContain("    What  one\n          two\n");
  });

  test("LabError carries the problem, its exit code and the cause", () => {
    const cause = new Error("socket hang up");
    const error = new LabError(problem, { exitCode: ExitCode.unfit, cause });
    expect(error).toMatchObject({ ...problem, exitCode: 4, cause, message: formatProblem(problem) });
    expect(new LabError(problem).exitCode).toBe(ExitCode.fail);
  });

  test("LabErrors prints every problem and keeps each", () => {
    const other = { what: "Docker does not answer", why: "Nodes are containers", fix: "Start Docker" };
    const error = new LabErrors([problem, other], ExitCode.usage);
    expect(error.message).toBe(`${formatProblem(problem)}\n${formatProblem(other)}`);
    expect(error.problems).toEqual([problem, other]);
    expect(error).toBeInstanceOf(LabError);
    expect(error).toMatchObject({ what: problem.what, exitCode: 2 });
  });

  test("LabErrors refuses an empty list", () => {
    expect(() => new LabErrors([], ExitCode.usage)).toThrow(RangeError);
  });

  test("messageOf() reads errors and everything else that was thrown", () => {
    expect(messageOf(new Error("why"))).toBe("why");
    expect(messageOf("text")).toBe("text");
    expect(messageOf(undefined)).toBe("undefined");
  });
});

/** Pieces that a formatted problem consists of, or that a text of the engine may hold. */
const pieces = [
  ...[
    "What  ",
    "Why   ",
    "Fix   ",
    "    What  ",
    "    Why   ",
    "          ",
    "      ",
    " ",
    "\t",
    "\n",
    "\n\n",
    "\r\n",
  ],
  ...["error: ", "Cannot pull", '"quay.io/a/b:1"', "…", "ünï", "\u2028", "$&", "\\n", "<{%reset%}>", "What", "Fix:"],
];

/** The same texts in every run (a linear congruential generator; Knuth, TAOCP 2, 3.3.4). */
function textsFrom(seed: number): () => string {
  let state = BigInt(seed);
  const below = (limit: number) => {
    state = (state * 6364136223846793005n + 1442695040888963407n) % 2n ** 64n;
    return Number(state >> 33n) % limit;
  };
  return () => Array.from({ length: 1 + below(8) }, () => pieces[below(pieces.length)]).join("");
}

describe("parseProblems()", () => {
  test("reads back every text that formatProblem() writes, amid other text and beside other problems", () => {
    const text = textsFrom(17);
    for (let round = 0; round < 2_000; round += 1) {
      const some = Array.from({ length: 1 + (round % 3) }, (_, at) => ({
        what: `${at} ${text()}`,
        why: text(),
        fix: text(),
      }));
      const written = new LabErrors(some, ExitCode.fail).message;
      const engine = `exit status 1: running "set -eu\\necho What  no":\n${text().replaceAll("What", "")}\n${written}`;
      expect(parseProblems(written)).toEqual(some);
      expect(parseProblems(engine).slice(-some.length)).toEqual(some);
    }
  });

  test("reads what a script prints without a margin, each problem once", () => {
    const script = 'pulling\nWhat  Cannot pull "a"\nWhy   The limit\nFix   docker login\n';
    const read: Problem[] = [{ what: 'Cannot pull "a"', why: "The limit", fix: "docker login" }];
    expect(parseProblems(script)).toEqual(read);
    expect(parseProblems(`${script}exit 1\n${script}`)).toEqual(read);
  });

  test("takes no part of a problem for a problem", () => {
    expect(parseProblems("What  a\nFix   c\nWhy   b")).toEqual([]);
    expect(parseProblems("    What  a\n  Why   b\n    Fix   c")).toEqual([]);
    expect(parseProblems("It says What  a\nWhy   b\nFix   c")).toEqual([]);
  });
});
