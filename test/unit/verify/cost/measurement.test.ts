import { describe, expect, test } from "vitest";
import { costPaths, numbers } from "../../../../modules/cost/objects";
import { crossingOf } from "../../../../verify/cost/growth";
import { costLines, costSentence, noiseProblem } from "../../../../verify/cost/judge";
import { type LoadSample, latencyOf, orderOf, rateFor } from "../../../../verify/cost/latency";
import { keptHttp, parseReport } from "../../../../verify/cost/load";
import { type Cost, costSchema } from "../../../../verify/cost/schema";
import { overload } from "../../../../verify/cost/throughput";

describe("rounds", () => {
  test("over eight rounds each path is twice at each place", () => {
    const rounds = Array.from({ length: 8 }, (_, round) => orderOf(round));
    for (const path of costPaths)
      for (const place of costPaths.keys()) expect(rounds.filter((order) => order[place] === path)).toHaveLength(2);
  });

  test("a path follows no other one in all rounds", () => {
    const rounds = Array.from({ length: 8 }, (_, round) => orderOf(round));
    const pairs = new Set(rounds.flatMap((order) => order.slice(1).map((path, index) => `${order[index]} ${path}`)));
    expect(pairs.size).toBeGreaterThanOrEqual(8);
  });

  test("a difference is one within a round: a machine that becomes slower changes none", () => {
    const samples = Array.from({ length: numbers.latency.rounds }, (_, round) =>
      costPaths.map((path, index) => sample(round, path, 1 + round + index * 0.25)),
    ).flat();
    const kept = latencyOf(samples, keptHttp);
    expect(kept.map(({ added }) => added?.p50)).toEqual([
      undefined,
      ...[0.25, 0.5, 0.75].map((value) => ({ median: value, low: value, high: value })),
    ]);
    expect(kept[0]?.milliseconds.p50).toEqual({ median: 5, low: 1, high: 9 });
  });
});

describe("throughput", () => {
  const good = { sent: 400, failed: 0, errors: [], p99: 20, rate: 400 };
  test.each([
    ["a step with every answer in time is kept up", {}, undefined],
    ["one failed request ends it", { failed: 1, errors: ["EOF"] }, "1 of 400 requests failed (EOF)"],
    ["so do slow answers", { p99: 101 }, "99 % within 101 ms"],
    ["so do requests that are not sent in time", { rate: 379 }, "379 of 400 requests sent per second"],
  ])("%s", (_, change, expected) => {
    expect(overload({ ...good, ...change }, 400)).toBe(expected);
  });
});

describe("the rate of the latencies", () => {
  const keepUp = (...rates: number[]) =>
    rates.map((median, index) => ({
      ...{ path: costPaths[index] ?? "none", limit: "", perSecond: { median, low: median, high: median } },
    }));
  test.each([
    [[3_000, 1_350, 600, 200], 100],
    [[3_000, 1_350, 199, 600], 50],
    [[900, 178, 80, 79], 25],
  ])("of paths that keep up %j requests per second it is %i", (rates, expected) => {
    expect(rateFor(keepUp(...rates))).toBe(expected);
  });
  test("a path that keeps up fewer than 50 is too slow", () => {
    expect(() => rateFor(keepUp(900, 178, 49, 79))).toThrow("keeps up 49 requests per second, and 50 are needed");
  });
});

describe("growth", () => {
  const step = (pods: number, sidecarBytes: number, ambientBytes: number) => ({
    ...{ pods, sidecarBytes, ambientBytes },
    perSidecar: { median: 1, low: 1, high: 1 },
  });
  test.each([
    ["between two measured numbers", [step(1, 50, 150), step(5, 250, 150)], 4],
    ["at the first", [step(1, 160, 150), step(5, 250, 150)], 1],
    ["nowhere", [step(1, 50, 150), step(5, 140, 150)], undefined],
    ["of equal memory at the next pod", [step(1, 50, 100), step(2, 100, 100), step(3, 150, 100)], 3],
  ])("the lines cross %s", (_, steps, expected) => {
    expect(crossingOf(steps)).toBe(expected);
  });
});

describe("the report of vegeta", () => {
  // The fields of vegeta v12.13.0, lib/metrics.go (type Metrics); durations in nanoseconds.
  const report = {
    latencies: { total: 5e8, mean: 5e6, "50th": 4e6, "90th": 8e6, "95th": 9e6, "99th": 12e6, max: 13e6, min: 1e6 },
    ...{ bytes_in: { total: 0, mean: 0 }, bytes_out: { total: 0, mean: 0 } },
    ...{ duration: 1e9, wait: 4e6, requests: 100, rate: 101, throughput: 99, success: 0.98 },
    ...{ status_codes: { "200": 98, "503": 2 }, errors: ["503 Service Unavailable"] },
  };
  test("every status but 200 is a failure", () => {
    expect(parseReport(JSON.stringify(report), "http")).toMatchObject({
      ...{ sent: 100, failed: 2, errors: ["503 Service Unavailable"], rate: 101, p50: 4, p90: 8, p99: 12 },
    });
  });
  test("a gRPC call without a message is a failure with any status", () => {
    // A refusal is HTTP 200 with the gRPC status in its header (grpc, doc/PROTOCOL-HTTP2.md, Trailers-Only).
    const calls = (total: number) => JSON.stringify({ ...report, bytes_in: { total, mean: total / 100 } });
    expect(parseReport(calls(98 * 7), "grpc")).toMatchObject({ failed: 2, errors: ["503 Service Unavailable"] });
    expect(parseReport(calls(97 * 7), "grpc")).toMatchObject({
      ...{ failed: 3, errors: ["503 Service Unavailable", "a call was answered without a message"] },
    });
  });
  test.each(["", "vegeta: not found", "{}", '{"latencies":null}'])("%j is none", (text) => {
    expect(parseReport(text, "http")).toBeUndefined();
  });
});

describe("the verdict", () => {
  const estimate = (median: number, half: number) => ({ median, low: median - half, high: median + half });
  const same = (median: number, half = 0.05) => ({
    ...{ p50: estimate(median, half), p90: estimate(median * 2, half), p99: estimate(median * 3, half) },
  });
  const cost: Cost = {
    machine: { node: "worker", clientNode: "worker2", cpus: 8, memoryBytes: 16 * 1024 ** 3, kernel: "6.12" },
    load: { perSecond: 100, seconds: 1.5, rounds: 9, answerBytes: 1024, generator: "vegeta" },
    ...{ confidence: 0.99, noise: { spread: 0.1, limit: 0.5 } },
    latency: [
      { path: "none", ...keptHttp, milliseconds: same(0.6), cpu: estimate(0, 0), requests: 1350 },
      {
        path: "ztunnel",
        ...keptHttp,
        milliseconds: same(0.7),
        added: same(0.01),
        cpu: estimate(80, 5),
        requests: 1350,
      },
      {
        path: "waypoint",
        ...keptHttp,
        milliseconds: same(1.5),
        added: same(0.9),
        cpu: estimate(310, 9),
        requests: 1350,
      },
      {
        path: "sidecar",
        ...keptHttp,
        milliseconds: same(1.9),
        added: same(1.3),
        cpu: estimate(420, 9),
        requests: 1350,
      },
    ],
    throughput: [{ path: "none", perSecond: { median: 3038, low: 2025, high: 3038 }, limit: "99 % within 140 ms" }],
    proxies: [
      {
        pod: "ztunnel-a",
        node: "worker",
        path: ["ztunnel", "waypoint"],
        idleBytes: 2e7,
        loadedBytes: 3e7,
        idleCpu: 0.4,
      },
    ],
    growth: [{ pods: 20, sidecarBytes: 1_048_576_000, ambientBytes: 157_286_400, perSidecar: estimate(5e7, 1e6) }],
    crossing: 4,
  };

  test("each number comes with its interval, and one that may be zero is called none", () => {
    expect(costSentence(cost)).toBe(
      "at 100 requests/s the median is 0.60 ms outside the mesh; ztunnel +0, within -0.04 to 0.06 ms, ztunnel and a waypoint +0.90 ms (0.85 to 0.95), two sidecars +1.30 ms (1.25 to 1.35); CPU milliseconds per 1000 requests: ztunnel 80, ztunnel and a waypoint 310, two sidecars 420; 20 sidecars use 1000 MiB, ztunnel and waypoint 150 MiB for as many pods: sidecars use more from 4 pods on",
    );
  });

  test("the evidence of a run is read again as it was written", () => {
    expect(costSchema.parse(JSON.parse(JSON.stringify(cost)))).toEqual(cost);
  });

  test("the table says how long the answers of each protocol are", () => {
    // grpc-health-checking of agnhost answers SERVING: five bytes in front of the message, its field, its value.
    const [first = expect.fail("no latency")] = cost.latency;
    const captions = [cost, { ...cost, latency: [...cost.latency, { ...first, protocol: "grpc" as const }] }].map(
      (each) => costLines(each)[0],
    );
    expect(captions).toEqual([
      expect.stringContaining("answers of 1024 bytes: median"),
      expect.stringContaining("answers of 1024 bytes (gRPC: 7): median"),
    ]);
  });

  test("columns of the table are aligned", () => {
    const rows = costLines(cost).filter((line) =>
      /^(path|none|ztunnel|waypoint|sidecar) +(protocol|HTTP\/1.1) +(connections|kept) /.test(line),
    );
    expect(new Set(rows.map((line) => line.search(/connections|kept/))).size).toBe(1);
    expect(rows).toHaveLength(5);
  });

  test("rounds that differ by more than half give no verdict", () => {
    expect(noiseProblem(cost)).toBeUndefined();
    expect(noiseProblem({ noise: { spread: 0.51, limit: 0.5 } })).toContain("varies by 51 %, and at most 50 %");
  });
});

function sample(round: number, path: LoadSample["path"], p50: number): LoadSample {
  const result = { sent: 150, failed: 0, errors: [], rate: 100, p50, p90: p50 * 2, p99: p50 * 3, json: "{}" };
  return { ...keptHttp, round, path, result, cpuPerThousand: 1 };
}
