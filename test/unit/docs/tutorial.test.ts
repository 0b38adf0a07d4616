import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { matrixText } from "../../../access/reach/text";
import { readEvidence } from "../../../cli/report/evidence";
import { run } from "../../../cli/run";
import { experiments } from "../../../experiments";
import { parseCast } from "../../../tools/pictures/cast";
import { recordings, sampleEvidence } from "../../../tools/pictures/sources";
import { commandsOf } from "../../support/shell-commands";
import { fakeIo } from "../cli/world";

const root = join(__dirname, "../../..");

/** A line without what differs from run to run: numbers, and the generated parts of pods' names. */
const timeless = (line: string) =>
  line
    .replace(/\s+/g, " ")
    .replace(/\b(ztunnel)-\w+/g, "$1-X")
    .replace(/\b(\d+ min )?\d+(\.\d+)? m?s\b/g, "TIME")
    .replace(/\d+(\.\d+)?/g, "N")
    .trim();

/** Lines of the recordings, and the findings, the evidence and the matrix of the sample. */
function recorded(): string[] {
  const { report, reach } = readEvidence(sampleEvidence);
  const findings = report.results.flatMap((result) => result.findings);
  const evidence = findings.flatMap(({ seen, evidence = [] }) => [seen, ...evidence.flatMap(({ lines }) => lines)]);
  const casts = readdirSync(recordings).filter((file) => file.endsWith(".cast"));
  const shown = casts.flatMap((file) => parseCast(readFileSync(join(recordings, file), "utf8")).lines);
  const matrix = reach ? matrixText(reach, { colour: false }).split("\n") : [];
  return [...evidence, ...shown.map(({ text }) => text), ...matrix].map(timeless);
}

/** Whether a line has the parts of another one, which "…" separates, in their order. */
function shows(line: string, excerpt: string): boolean {
  let at = 0;
  return excerpt.split("…").every((part) => {
    const found = line.indexOf(part.trim(), at);
    at = found + part.trim().length;
    return found >= 0;
  });
}

test("the tutorial names every experiment that each lab has", () => {
  const text = readFileSync(join(root, "docs/tutorial/first-lab.md"), "utf8");
  const code = [...text.matchAll(/^```sh\n([\s\S]*?)^```$|`([^`\n]+)`/gm)].map(
    ([, block, span]) => block ?? span ?? "",
  );
  const words = new Set(code.flatMap((each) => each.split(/\s+/)));
  const story = experiments.filter(({ module }) => !module).map(({ id }) => id);
  expect(story.length).toBeGreaterThan(15);
  expect(story.filter((id) => !words.has(id))).toEqual([]);
});

test.each(
  commandsOf("docs/tutorial/first-lab.md").filter(({ words }) => words.includes("tour") && words.includes("--list")),
)("the tutorial shows what $text prints", async ({ words, output = [] }) => {
  const io = fakeIo();
  expect(await run(words.slice(words.indexOf("--") + 1), io)).toBe(0);
  const printed = io.out().split("\n");
  expect(output.filter((line) => line.trim() !== "…" && !printed.includes(line))).toEqual([]);
});

describe("the excerpts of real runs", () => {
  const lines = recorded();

  test("in the tutorial are lines of docs/sample", () => {
    const text = readFileSync(join(root, "docs/tutorial/first-lab.md"), "utf8");
    const blocks = [...text.matchAll(/^```log\n([\s\S]*?)^```$/gm)].map(([, body = ""]) => body.split("\n"));
    const excerpts = blocks.flat().filter((line) => line.trim() !== "" && line.trim() !== "…");
    expect(excerpts.length).toBeGreaterThan(20);
    expect(excerpts.filter((excerpt) => !lines.some((line) => shows(line, timeless(excerpt))))).toEqual([]);
  });
});
