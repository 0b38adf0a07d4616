import { appendFileSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { pastCosts, recordCost } from "../../../cli/report/cost-history";
import { costOf, costSection } from "../../../cli/report/html/cost";
import type { Cost } from "../../../verify/cost/schema";
import type { VerifyReport } from "../../../verify/report/schema";
import { ownLabHome } from "./world";

const estimate = (median: number) => ({ median, low: median - 0.1, high: median + 0.1 });
const percentiles = (median: number) => ({
  p50: estimate(median),
  p90: estimate(2 * median),
  p99: estimate(3 * median),
});
const latency = (path: Cost["latency"][number]["path"], connections: "kept" | "new", ms: number, added?: number) => ({
  ...{
    path,
    protocol: "http" as const,
    connections,
    milliseconds: percentiles(ms),
    cpu: estimate(ms * 100),
    requests: 1350,
  },
  ...(added === undefined ? {} : { added: percentiles(added) }),
});
/** A measurement in which the waypoint adds so many milliseconds. */
const measured = (added: number, machine: Partial<Cost["machine"]> = {}): Cost => ({
  machine: {
    ...{ node: "worker", clientNode: "worker2", cpus: 8, memoryBytes: 16 * 1024 ** 3, kernel: "6.12.54", ...machine },
  },
  load: { perSecond: 100, seconds: 1.5, rounds: 9, answerBytes: 1024, generator: "vegeta" },
  ...{ confidence: 0.99, noise: { spread: 0.1, limit: 0.5 } },
  latency: (["kept", "new"] as const).flatMap((connections) => [
    latency("none", connections, 0.6),
    latency("ztunnel", connections, 0.8, 0.2),
    latency("waypoint", connections, 0.6 + added, added),
    latency("sidecar", connections, 2.1, 1.5),
  ]),
  throughput: [{ path: "none", perSecond: { median: 3037, low: 2025, high: 3037 }, limit: "99 % within 140 ms" }],
  proxies: [{ pod: "<ztunnel>", node: "worker", path: ["ztunnel"], idleBytes: 2e7, loadedBytes: 3e7, idleCpu: 0.4 }],
  growth: [
    { pods: 1, sidecarBytes: 52_428_800, ambientBytes: 157_286_400, perSidecar: estimate(52_428_800) },
    { pods: 20, sidecarBytes: 1_048_576_000, ambientBytes: 167_772_160, perSidecar: estimate(52_428_800) },
  ],
  crossing: 4,
});
const reportOf = (startedAt: string, cost?: Cost, verdict = "pass") =>
  ({
    ...{ startedAt, stack: "dev", versions: { istio: "1.31.4" } },
    results: [{ id: "cost", verdict, findings: [{ name: "cost of each path", verdict, ...(cost ? { cost } : {}) }] }],
  }) as unknown as VerifyReport;

let file = "";
beforeEach(() => {
  file = join(ownLabHome(), "cost.jsonl");
});
const later = "2026-11-23T13:00:00Z";
const times = (before = later, most?: number) =>
  pastCosts(measured(0.9), before, most).map(({ measuredAt }) => measuredAt);

describe("measurements that are kept", () => {
  test("are read again, the newest first, and the file is the user's alone", () => {
    recordCost(reportOf("2026-11-23T11:00:00Z", measured(0.8)));
    recordCost(reportOf("2026-11-23T12:00:00Z", measured(0.9)));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(times()).toEqual(["2026-11-23T12:00:00Z", "2026-11-23T11:00:00Z"]);
    expect(times(later, 1)).toEqual(["2026-11-23T12:00:00Z"]);
    expect(times("2026-11-23T12:00:00Z")).toEqual(["2026-11-23T11:00:00Z"]);
    expect(pastCosts(measured(0.9), later)[0]).toMatchObject({ stack: "dev", istio: "1.31.4" });
  });

  test("are those that passed", () => {
    recordCost(reportOf("2026-11-23T11:00:00Z", measured(0.8), "inconclusive"));
    recordCost(reportOf("2026-11-23T12:00:00Z"));
    expect(() => statSync(file)).toThrow("ENOENT");
    expect(times()).toEqual([]);
  });

  test("leave out lines that cannot be read", () => {
    recordCost(reportOf("2026-11-23T11:00:00Z", measured(0.8)));
    const [line = ""] = readFileSync(file, "utf8").split("\n");
    appendFileSync(file, `not JSON\n{}\n\n${line.slice(0, 40)}\n`);
    recordCost(reportOf("2026-11-23T12:00:00Z", measured(0.9)));
    expect(times()).toEqual(["2026-11-23T12:00:00Z", "2026-11-23T11:00:00Z"]);
  });

  test("leave out other machines", () => {
    recordCost(reportOf("2026-11-23T10:00:00Z", measured(0.8, { cpus: 2 })));
    recordCost(reportOf("2026-11-23T11:00:00Z", measured(0.8, { memoryBytes: 8 * 1024 ** 3 })));
    recordCost(reportOf("2026-11-23T12:00:00Z", measured(0.8, { node: "another-node", kernel: "6.13" })));
    expect(times()).toEqual(["2026-11-23T12:00:00Z"]);
  });
});

describe("the section of the page", () => {
  test("holds plots, numbers and the history, and every tag is closed", async () => {
    recordCost(reportOf("2026-11-23T11:00:00Z", measured(0.85)));
    recordCost(reportOf("2026-11-23T12:00:00Z", measured(2.5)));
    const cost = costOf(reportOf(later, measured(0.9)));
    if (!cost) throw new Error("No cost");
    const { text } = (await costSection(cost, pastCosts(cost, later))) ?? { text: "" };
    expect(openTags(text)).toEqual([]);
    expect(text.match(/<svg/g)).toHaveLength(3);
    for (const expected of [
      ...["+0.90 ms (0.80 to 1.00)", "8 CPUs and 16 GiB", "<td>0.90 (0.80–1.00)</td>", "<td>3037 (2025–3037)</td>"],
      ...["<td>1000 MiB</td>", "sidecars use more from 4 pods on", "&lt;ztunnel&gt;"],
      ...["<td>0.85</td>", "<td>2.50 other</td>"],
    ])
      expect(text).toContain(expected);
  });

  test("is absent where nothing was measured, and has no table of earlier measurements without any", async () => {
    expect(costOf(reportOf(later))).toBeUndefined();
    expect(await costSection(undefined, [])).toBeUndefined();
    const { text } = (await costSection(measured(0.9), [])) ?? { text: "" };
    expect(text).not.toContain("Earlier measurements");
  });
});

/** Names of tags that are opened and not closed, or closed and not open, in the order of the text. */
function openTags(text: string): string[] {
  const open: string[] = [];
  for (const [, end = "", name = "", alone = ""] of text.matchAll(/<(\/?)([a-zA-Z][\w-]*)[^>]*?(\/?)>/g)) {
    if (alone || ["br", "img", "meta"].includes(name)) continue;
    if (end && open.at(-1) === name) open.pop();
    else open.push(end + name);
  }
  return open;
}
