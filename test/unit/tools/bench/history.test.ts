import { appendFileSync, readFileSync } from "node:fs";
import { beforeEach, describe, expect, test } from "vitest";
import { type BenchRun, historyFile, keepRun, pastRuns, thisMachine } from "../../../../tools/bench/history";
import { historyPlot, upPlot } from "../../../../tools/bench/plots";
import { judge } from "../../../../tools/bench/targets";
import { benchText } from "../../../../tools/bench/text";
import { ownLabHome } from "../../cli/world";

beforeEach(() => void ownLabHome());

const benchRun = (more: Partial<BenchRun> = {}): BenchRun => {
  const samples = { up: [60_000], script: [100_000], flip: [5_000], again: [3_000] };
  return {
    schema: "ambient-lab.bench/v1",
    at: "2026-11-24T17:00:00.000Z",
    machine: { id: "m1", os: "linux/x64", cpu: "Some CPU", cpus: 2, memoryMiB: 8192 },
    load: { before: 3.25, after: 2 },
    versions: { istio: "1.31.1" },
    ...{ config: [], rounds: 3, labs: 1, installer: "helm", samples },
    rows: judge(samples, undefined, "laptop"),
    parts: {
      up: [
        { name: "start", startMs: 0, ms: 2_000 },
        { name: "cluster-kind", startMs: 2_100, ms: 25_000 },
        { name: "quick <one>", startMs: 3_000, ms: 100 },
      ],
      script: [{ name: "cluster-kind", startMs: 0, ms: 24_000 }],
      destroy: [{ name: "cluster-kind", startMs: 1_500, ms: 5_000 }],
    },
    ...more,
  };
};

describe("the history", () => {
  test("keeps a run a line, and gives back those of one machine in order", () => {
    const other = { ...benchRun().machine, id: "m2" };
    const [first, second] = [benchRun(), benchRun({ at: "2026-11-25T17:00:00.000Z" })];
    for (const run of [first, benchRun({ machine: other }), second]) keepRun(run);
    expect(readFileSync(historyFile(), "utf8").trim().split("\n")).toHaveLength(3);
    expect(pastRuns("m1")).toEqual([first, second]);
  });

  test("passes over a line that was cut off and one of another version", () => {
    keepRun(benchRun());
    appendFileSync(historyFile(), '{"schema":"ambient-lab.bench/v9"}\n{"schema":"ambient');
    expect(pastRuns("m1")).toHaveLength(1);
  });

  test("is empty where nothing was measured", () => {
    expect(pastRuns(thisMachine().id)).toEqual([]);
  });
});

describe("a run", () => {
  test("is told with its machine, its ratios and its longest parts", () => {
    expect(benchText(benchRun())).toMatchInlineSnapshot(`
      "2 × Some CPU, 8.0 GiB, linux/x64; load 3.3 to 2.0
      The machine was busy before it began: trust the ratios more than the times

                     lab  beside                             floor  ratio  target
      cold up       60 s  the same parts, one after another  100 s   0.60  ≤ 0.75  ✓
      policy flip  5.0 s  up without a change                3.0 s   1.67  ≤ 1.30  ✗ missed

      Cold up, by part (side by side)
        start         from    0.0 s  took    2.0 s
        cluster-kind  from    2.1 s  took   25.0 s

      The same parts one after another (helm)
        cluster-kind  from    0.0 s  took   24.0 s

      Destroy, by part
        cluster-kind  from    1.5 s  took    5.0 s
      "
    `);
  });

  test("is drawn with every judged ratio, and with every part", async () => {
    const runs = [benchRun(), benchRun()];
    const history = await historyPlot(runs);
    expect(history).toMatch(/^<svg .*xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(history.match(/<circle/g)).toHaveLength(4);
    expect(history).toContain("1.67");
    const up = await upPlot(runs[0] ?? benchRun());
    expect(up).toContain("25.0 s");
    expect(up).toContain("quick &lt;one&gt;");
    const twice = { name: "objects of istio", startMs: 0, ms: 600 };
    const drawn = await upPlot({ parts: { up: [], script: [twice, { ...twice, startMs: 700 }], destroy: [] } });
    expect(drawn.match(/script objects of istio/g)).toHaveLength(2);
  });
});
