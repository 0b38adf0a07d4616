import { describe, expect, it } from "vitest";
import { renderText, verifyLab } from "../../../verify";
import { runProgress } from "../../../verify/report/progress";
import { fakeWorld } from "./fake/world";

const esc = String.fromCharCode(27);

async function run(live: boolean) {
  const lab = await fakeWorld();
  let text = "";
  const progress = runProgress(2, (more) => (text += more), live);
  const options = { lab, clock: lab.state.clock, only: ["nodes", "apps"], observer: progress };
  const report = await verifyLab(lab.state.facts, options);
  progress.end();
  return { text, report: renderText(report, { colour: false }) };
}

describe("runProgress()", () => {
  it("is a line for each experiment in a log, and none that the report repeats", async () => {
    const { text, report } = await run(false);
    expect(text).toMatch(/^\[1\/2] nodes: pass, [\d.]+ s$/m);
    expect(text).toMatch(/^\[2\/2] apps: pass, [\d.]+ s$/m);
    expect(text).not.toContain(esc);
    const lines = text.split("\n").filter(Boolean);
    expect(report.split("\n").filter((line) => lines.includes(line))).toEqual([]);
  });

  it("is one line on a terminal, gone when the report comes", async () => {
    const { text } = await run(true);
    expect(text).not.toContain("\n");
    expect(text).toContain("· 1 of 2 done, at work: ");
    expect(text.endsWith(`${esc}[2K`)).toBe(true);
  });

  it("fits a narrow terminal", () => {
    let text = "";
    const progress = runProgress(9, (more) => (text += more), true);
    const experiment = {
      id: "x".repeat(200),
      title: "",
      question: "",
      why: "",
      rows: [],
      objects: [],
      steps: () => [],
    };
    progress.began?.(experiment);
    expect(text).toHaveLength(79);
  });
});
