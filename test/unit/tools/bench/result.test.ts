import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { planOf } from "../../../../tools/bench/measure";
import { type BenchRun, benchText, judge, keepRun, measures, median } from "../../../../tools/bench/result";

describe("median()", () => {
  test.each([
    [[5], 5],
    [[9, 1, 5], 5],
    [[4, 1, 3, 2], 2.5],
    [[10, 9, 100], 10],
  ])("of %j is %d", (values, middle) => {
    expect(median(values)).toBe(middle);
  });

  test("of no values is no number", () => {
    expect(median([])).toBeNaN();
  });
});

describe("judge()", () => {
  test("compares medians of one run, and judges the ratio before it is rounded", () => {
    const samples = { up: [75_100], script: [100_000], preview: [5_000, 4_000, 3_900], "empty-preview": [2_000] };
    expect(judge(samples)).toMatchObject([
      { measure: "up", labMs: 75_100, baselineMs: 100_000, limit: 0.75, met: false },
      { measure: "preview", labMs: 4_000, baselineMs: 2_000, ratio: 2, met: true },
    ]);
  });

  test("compares a policy change with an update of the same lab", () => {
    const [again, flip] = judge({ flip: [3_900], again: [3_000], "empty-up": [1_500] });
    expect(again).toMatchObject({ measure: "again", ratio: 2 });
    expect(again).not.toHaveProperty("met");
    expect(flip).toMatchObject({ measure: "flip", baselineMs: 3_000, ratio: 1.3, met: true });
  });

  test("has no row for a measure without its baseline", () => {
    expect(judge({ up: [1], destroy: [1], flip: [1] })).toEqual([]);
  });
});

describe("planOf()", () => {
  const all = { only: measures, rounds: 2, labs: 1 };

  test("has lab and baseline side by side in every round, and one cluster at a time", () => {
    const round = ["preview", "empty-preview", "empty-up", "again", "flip"];
    expect(planOf(all)).toEqual(["up", ...round, ...round, "destroy", "script", "kind-delete"]);
  });

  test("repeats whole labs", () => {
    const one = planOf(all);
    expect(planOf({ ...all, labs: 2 })).toEqual([...one, ...one]);
  });

  test.each([
    [["preview"], ["up", "preview", "empty-preview", "destroy"]],
    [["flip"], ["up", "again", "flip", "destroy"]],
    [["destroy"], ["up", "destroy", "script", "kind-delete"]],
  ] as const)("runs for %j only what it is compared with", (only, steps) => {
    expect(planOf({ only, rounds: 1, labs: 1 })).toEqual(steps);
  });
});

const samples = { up: [61_000], script: [98_000], again: [3_100], "empty-up": [1_900], flip: [4_600] };
const benchRun: BenchRun = {
  ...{ schema: "ambient-lab.bench/v2", at: "2026-11-24T17:00:00.000Z", versions: {}, config: [], rounds: 3, labs: 1 },
  machine: { os: "linux/x64", cpu: "Some CPU", cpus: 2, memoryMiB: 8192 },
  ...{ load: { before: 3.25, after: 2 }, samples, rows: judge(samples) },
};

test("the text shows machine, ratio, target and verdict", () => {
  expect(benchText(benchRun)).toMatchInlineSnapshot(`
    "2 × Some CPU, 8.0 GiB, linux/x64; load 3.3 to 2.0
    The machine was busy before the first measurement: the ratios say more than the times

                     lab  beside                             baseline  ratio  target
    cold up         61 s  the same parts, one after another      98 s   0.62  ≤ 0.75  ✓
    second up      3.1 s  up of an empty program                1.9 s   1.63
    policy change  4.6 s  up without a change                   3.1 s   1.48  ≤ 1.30  ✗ missed
    "
  `);
});

test("the history has one run a line", () => {
  const file = join(mkdtempSync(join(tmpdir(), "lab-bench-")), "bench", "history.jsonl");
  keepRun(benchRun, file);
  keepRun({ ...benchRun, rounds: 5 }, file);
  const lines = readFileSync(file, "utf8").trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual([benchRun, { ...benchRun, rounds: 5 }]);
});
