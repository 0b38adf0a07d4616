import { expect, test } from "vitest";
import { Spans } from "../../../../tools/bench/spans";

test("spans are read from the lines of the engine, without components and bookkeeping", () => {
  const spans = new Spans();
  const lines: [number, string][] = [
    [100, "Updating (bench):"],
    [1_900, " +  pulumi:pulumi:Stack ambient-lab-bench creating (0s) "],
    [2_000, "@ updating......"],
    [2_050, " +  ambientlab:cluster:KindCluster cluster creating (0s) "],
    [2_100, " +  docker:index:Network cluster-network creating (0s) "],
    [2_150, " +  command:local:Command images-pull-mesh creating (0s) "],
    [2_400, " +  command:local:Command images-pull-mesh created (0.20s) "],
    [4_150, " +  docker:index:Network cluster-network creating (2s) "],
    [4_200, " +  docker:index:Network cluster-network created (2s) "],
    [4_300, " +  command:local:Command cluster-kind creating (0s) "],
    [29_300, " +  command:local:Command cluster-kind created (25s) "],
    [29_400, " +  pulumi:pulumi:Stack ambient-lab-bench created (27s) 6 warnings"],
    [29_500, "    warning: something of a plugin creating (1s)"],
  ];
  for (const [atMs, text] of lines) spans.line(text, atMs);
  expect(spans.finished()).toEqual([
    { name: "start", startMs: 0, ms: 2_100 },
    { name: "cluster-network", startMs: 2_100, ms: 2_100 },
    { name: "images-pull-mesh", startMs: 2_150, ms: 250 },
    { name: "cluster-kind", startMs: 4_300, ms: 25_000 },
  ]);
});

test("a run that made nothing has no spans", () => {
  expect(new Spans().finished()).toEqual([]);
});

test("spans of a destroy are what was deleted", () => {
  const spans = new Spans();
  spans.line(" -  command:local:Command cluster-kind deleting (0s) ", 1_000);
  spans.line(" -  command:local:Command cluster-kind deleted (5s) ", 6_000);
  expect(spans.finished()).toEqual([
    { name: "start", startMs: 0, ms: 1_000 },
    { name: "cluster-kind", startMs: 1_000, ms: 5_000 },
  ]);
});
