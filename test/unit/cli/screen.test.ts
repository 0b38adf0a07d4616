import { describe, expect, test } from "vitest";
import { run } from "../../../cli/run";
import { problemText } from "../../../cli/terminal/problem-text";
import { configKeys } from "../../../config/schema";
import { ExitCode, LabError, LabErrors } from "../../../host/errors";
import { checkout, FakeEngine, fakeExec, fakeIo, ownLabHome } from "./world";

ownLabHome();

/** Rows on a terminal of 80 columns, the prompt's own included. */
const rows = (text: string) =>
  text.split("\n").reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / 80)), 0);
const long = "the object is refused because ".repeat(40);
const problem = (name: string) => ({ what: `${name}: ${long}`, why: long, fix: `npm run up -- --stack ${name}` });
const shown = (thrown: unknown, notes: readonly string[] = []) =>
  problemText(thrown, { args: ["up"], verbose: false, notes });

describe("a problem fits a screen of 24 lines and 80 columns", () => {
  test.each([
    ["one with long lines", new LabError(problem("a"))],
    ["one of many lines", new LabError({ ...problem("a"), what: "a\n".repeat(90) })],
    ["many at once", new LabErrors(["a", "b", "c", "d"].map(problem), ExitCode.fail)],
    ["a surprise", new Error("x\n".repeat(200))],
  ])("%s", (_name, thrown) => {
    const text = shown(thrown, [
      "    Kept  /home/u/.ambient-lab/failures/dev/2026-11-24T17-00-00.000Z   (for a bug report)",
    ]);
    expect(rows(text)).toBeLessThanOrEqual(24);
    expect(text).toMatch(/What {2}[\s\S]*Why {3}[\s\S]*Fix {3}npm run [\s\S]*Kept/);
  });

  test.each([false, true])("shows no terminal sequence of its text (verbose: %s)", (verbose) => {
    const what = "\u001b[2K\u001b[32m✓ all well\u001b[0m";
    const text = problemText(new LabError({ what, why: what, fix: what }), { args: ["up"], verbose });
    expect(text).not.toContain("\u001b");
    expect(text).toContain("What  ✓ all well\n");
  });

  test("short ones are all there, and the rest is counted", () => {
    const some = (count: number) =>
      new LabErrors(
        Array.from({ length: count }, (_, index) => ({ what: `p${index}`, why: "w", fix: "f" })),
        ExitCode.usage,
      );
    expect(shown(some(5))).not.toContain("more");
    expect(shown(some(5)).match(/What/g)).toHaveLength(5);
    expect(shown(some(9))).toMatch(/… and 4 more problems {3}\(--verbose shows all\)\n$/);
    for (const count of [5, 6, 9]) expect(rows(shown(some(count)))).toBeLessThanOrEqual(24);
    expect(problemText(some(9), { args: ["up"], verbose: true })).toContain("What  p8");
  });

  test("a Fix is never cut", () => {
    const fix = `npm run up -- ${"--config addons=[] ".repeat(20)}--yes`;
    expect(shown(new LabError({ what: "a", why: "b", fix }))).toContain(fix);
  });
});

describe("so do", () => {
  test("a configuration in which every key is wrong", async () => {
    const settings = configKeys.map((key) => `  ambient-lab:${key}: {}\n`).join("");
    const io = fakeIo({ root: checkout({ "Pulumi.dev.yaml": `config:\n${settings}` }) });
    expect(await run(["up"], io)).toBe(2);
    expect(rows(io.err())).toBeLessThanOrEqual(24);
    expect(io.err()).toMatch(/… and \d+ more problems/);
  });

  test("a machine on which nothing is fit", async () => {
    const io = fakeIo({ exec: fakeExec({}), env: { PATH: "" } });
    expect(await run(["up", "--yes"], io)).toBe(4);
    expect(rows(io.err())).toBeLessThanOrEqual(24);
  });

  test("an engine that fails at every resource with a page of text", async () => {
    const engine = new FakeEngine(["dev"]);
    engine.steps = Array.from({ length: 12 }, (_, index) => ({
      ...{ op: "create", path: `ambientlab:mesh:Istio$kubernetes:helm:Release::r${index}` },
      fails: "Helm says no\n".repeat(50),
    })) as typeof engine.steps;
    const io = fakeIo({ engine });
    expect(await run(["up", "--yes"], io)).toBe(1);
    expect(rows(io.err().slice(io.err().indexOf("✗ up")))).toBeLessThanOrEqual(24);
  });
});
