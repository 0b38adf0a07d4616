import { describe, expect, test } from "vitest";
import { ExitCode, formatProblem, LabError, LabErrors, messageOf } from "../../../host/errors";

const problem = { what: "Port 80 is in use", why: "The gateway needs it", fix: "pulumi config set httpPort 8080" };

describe("errors", () => {
  test("formatProblem() prints What, Why and Fix in this order, aligned", () => {
    expect(formatProblem(problem)).toBe(
      [
        "",
        "    What  Port 80 is in use",
        "    Why   The gateway needs it",
        "    Fix   pulumi config set httpPort 8080",
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
