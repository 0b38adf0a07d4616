import { describe, expect, test } from "vitest";
import { planOf } from "../../../../tools/bench/plan";
import { judge, median } from "../../../../tools/bench/targets";
import { table } from "../../../../tools/bench/text";
import { measures } from "../../../../tools/bench/types";

describe("median()", () => {
  test.each([
    [[5], 5],
    [[9, 1, 5], 5],
    [[4, 1, 3, 2], 2.5],
    [[10, 9, 100], 10],
  ])("of %j is %d", (values, middle) => {
    expect(median(values)).toBe(middle);
  });

  test("of nothing is no number, and changes nothing that it is given", () => {
    expect(median([])).toBeNaN();
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

const mesh = (...requested: number[]) => ({
  pods: requested.map((requestedMiB, index) => ({ namespace: "istio-system", name: `pod-${index}`, requestedMiB })),
});

describe("judge()", () => {
  test("compares medians with the floor of the same run, and keeps the verdict off rounding", () => {
    const rows = judge(
      { up: [75_100], script: [100_000], preview: [5_000, 4_000, 3_900], "empty-preview": [2_000] },
      undefined,
      "laptop",
    );
    expect(rows).toMatchObject([
      { measure: "up", lab: 75_100, floor: 100_000, limit: 0.75, met: false },
      { measure: "preview", lab: 4_000, floor: 2_000, ratio: 2, met: true },
    ]);
  });

  test("holds a flip against an update of the same lab", () => {
    expect(judge({ flip: [3_900], again: [3_000], "empty-up": [1_500] }, undefined, "laptop")).toMatchObject([
      { measure: "again", ratio: 2 },
      { measure: "flip", floor: 3_000, ratio: 1.3, met: true },
    ]);
  });

  test("says nothing of a measure that lacks one of its sides", () => {
    expect(judge({ up: [1], destroy: [1], flip: [1] }, undefined, "laptop")).toEqual([]);
  });

  test.each([
    ["laptop", [128, 40, 40, 64], true],
    ["laptop", [512], true],
    ["laptop", [513], false],
    ["roomy", [2048], undefined],
  ] as const)("budgets the requests of a %s mesh of %j MiB: %s", (resources, requested, met) => {
    const [row] = judge({}, mesh(...requested), resources);
    expect(row?.met).toBe(met);
  });
});

describe("planOf()", () => {
  const all = { only: measures, rounds: 2, labs: 1 };

  test("has lab and floor side by side in every round, and one cluster at a time", () => {
    const round = ["preview", "empty-preview", "empty-up", "again", "flip"];
    expect(planOf(all)).toEqual(["up", ...round, ...round, "memory", "destroy", "script", "kind-delete"]);
  });

  test("repeats whole lives", () => {
    const one = planOf(all);
    expect(planOf({ ...all, labs: 2 })).toEqual([...one, ...one]);
  });

  test.each([
    [["preview"], ["up", "preview", "empty-preview", "destroy"]],
    [["flip"], ["up", "again", "flip", "destroy"]],
    [["memory"], ["up", "memory", "destroy"]],
    [["destroy"], ["up", "destroy", "script", "kind-delete"]],
  ] as const)("runs for %j alone what it is held against", (only, steps) => {
    expect(planOf({ only, rounds: 1, labs: 1 })).toEqual(steps);
  });
});

test("the table tells ratio, target and verdict", () => {
  const samples = { up: [61_000], script: [98_000], again: [3_100], "empty-up": [1_900], flip: [4_600] };
  expect(`${table(judge(samples, mesh(300, 128), "laptop")).join("\n")}\n`).toMatchInlineSnapshot(`
    "                   lab  beside                               floor  ratio  target
    cold up           61 s  the same parts, one after another     98 s   0.62  ≤ 0.75  ✓
    second up        3.1 s  up of an empty program               1.9 s   1.63
    policy flip      4.6 s  up without a change                  3.1 s   1.48  ≤ 1.30  ✗ missed
    mesh requests  428 MiB  budget of the laptop profile       512 MiB   0.84  ≤ 1.00  ✓
    "
  `);
});
