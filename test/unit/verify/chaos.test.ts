import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { verifyLab } from "../../../verify";
import { parseLoadAnswers, steadySince, summarizeLosses } from "../../../verify/probe/load";
import { type FakeWorld, fakeWorld } from "./fake/world";

const fakeLab = (settings = {}) => fakeWorld({ modules: ["chaos"], ...settings });
const run = (lab: FakeWorld, more = {}) =>
  verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["chaos"], ...more });
const node = "ambient-lab-dev-worker2";
const mark = "ambient-lab.dev/verify-killed";
const marksOf = ({ state }: FakeWorld) => state.get(`Node//${node}`).metadata?.annotations?.[mark];

describe("chaos", () => {
  it("kills istiod, ztunnel, the waypoint and a node, and reports the lost requests of each", async () => {
    const lab = await fakeLab();
    const report = await run(lab);
    const findings = report.results[0]?.findings ?? [];
    expect(findings.map(({ verdict, layer }) => `${verdict} ${layer}`)).toEqual([
      ...["pass istiod", "pass ztunnel", "pass waypoint", "pass nodes"],
    ]);
    const seen = findings.map((finding) => finding.seen);
    expect(seen[0]).toMatch(/^istiod-\S+ was killed, istiod-\S+-1 replaced it; 0 of \d+ requests lost, at most/);
    expect(seen[1]).toMatch(/; [1-9]\d* of \d+ requests lost \(503 ×\d+; from \d+ to \d+ ms after the kill\)/);
    expect(seen[1]).toMatch(/; logged by the waypoint: 503 UF ×[1-9]/);
    expect(seen[2]).toMatch(/; [1-9]\d* of \d+ requests lost \(reset ×\d+/);
    expect(seen[3]).toMatch(/with appb, waypoint, was killed and started again; Pod "appb-\S+" is not in the mesh/);
    expect(lab.state.chaos.kills).toEqual(["istiod", "ztunnel-2", "waypoint", `kill ${node}`, `start ${node}`]);
    expect(lab.state.left.size).toBe(0);
    expect(marksOf(lab)).toBeUndefined();
  });

  it("kills nothing after the first thing that does not come back", async () => {
    const lab = await fakeLab();
    lab.state.chaos.stuck.add("ztunnel");
    const report = await run(lab);
    expect(lab.state.chaos.kills).toEqual(["istiod", "ztunnel-2"]);
    expect(report.results[0]?.findings.at(-1)).toMatchObject({
      verdict: "fail",
      seen: expect.stringMatching(
        /^Waited 30 s .* lost \(503 ×\d+.*at most \d{5} ms without a successful answer, and not recovered/,
      ),
    });
  });

  it("allows no lost request while istiod is away, for the data plane does not ask it", async () => {
    const lab = await fakeLab();
    const { fromPod } = lab.traffic;
    let lose = false;
    const { killPod } = lab;
    lab.killPod = async (...call) => {
      lose = lab.state.chaos.kills.length === 0;
      await killPod(...call);
    };
    lab.traffic.fromPod = (...call) => {
      const met = fromPod.apply(lab.traffic, call);
      if (!lose) return met;
      lose = false;
      return { ...met, status: 0, exit: 56 };
    };
    const report = await run(lab);
    expect(report.results[0]?.findings).toMatchObject([
      { verdict: "fail", layer: "istiod", seen: expect.stringMatching(/; 1 of \d+ requests lost \(reset ×1;/) },
    ]);
  });

  it("kills nothing while the load is not answered", async () => {
    const lab = await fakeLab();
    lab.state.scale("default/appb");
    expect((await run(lab)).verdict).not.toBe("pass");
    expect(lab.state.chaos.kills).toEqual([]);
  });

  it("is inconclusive when the request rate is too low", async () => {
    const lab = await fakeLab();
    lab.shell.pace = 0.3;
    const report = await run(lab);
    expect(report.results[0]).toMatchObject({ verdict: "inconclusive" });
    expect(report.results[0]?.findings.at(-1)?.seen).toMatch(/^the request rate was too low: \d+ requests in \d+ s/);
  });

  it("skips the nodes of an existing cluster, with the reason", async () => {
    const lab = await fakeLab();
    const report = await verifyLab(
      { ...lab.state.facts, cluster: "existing" },
      { lab, clock: lab.state.clock, only: ["chaos"] },
    );
    expect(report.results[0]?.verdict).toBe("pass");
    expect(report.results[0]?.findings.at(-1)).toMatchObject({
      ...{ verdict: "skipped", seen: "the lab does not kill the nodes of an existing cluster" },
    });
    expect(lab.state.chaos.kills).toEqual(["istiod", "ztunnel-2", "waypoint"]);
  });

  it("starts the node again when it is interrupted while the node is down", async () => {
    const lab = await fakeLab();
    const stop = new AbortController();
    const { sleep } = lab.state.clock;
    lab.state.clock.sleep = async (ms, signal) => {
      if (!lab.state.chaos.container(node).running) stop.abort(new Error("Interrupted"));
      await sleep(ms, signal);
    };
    await expect(run(lab, { signal: stop.signal })).rejects.toThrow("Interrupted");
    expect(lab.state.chaos.kills.slice(-2)).toEqual([`kill ${node}`, `start ${node}`]);
    expect(lab.state.chaos.container(node).running).toBe(true);
  });

  it("is recovered by the next run after a crash, also when the module was removed", async () => {
    const lab = await fakeLab();
    await lab.power(node, "kill", new AbortController().signal);
    const { metadata } = lab.state.get(`Node//${node}`);
    Object.assign(metadata?.annotations ?? {}, { [mark]: JSON.stringify({ host: hostname(), pid: 2 ** 22 + 1 }) });
    const later = await verifyLab(
      { ...lab.state.facts, settings: { ...lab.state.facts.settings, modules: [] } },
      { lab, clock: lab.state.clock, only: ["enrolment"] },
    );
    expect(later.notes).toContain(
      `${node} was left killed by a run that died; it runs again, and its pods are in the mesh`,
    );
    expect(later.results[0]?.verdict).toBe("pass");
    expect(marksOf(lab)).toBeUndefined();
    expect(lab.state.left.size).toBe(0);
  });

  it.each([
    ["nobody in the mesh may call", { allowedCallers: ["gateway"] }],
    ["the fault is on every path", { faultPath: "/" }],
  ] as const)("kills nothing when %s", async (_name, settings) => {
    const lab = await fakeLab(settings);
    expect((await run(lab)).results[0]?.verdict).toBe("skipped");
    expect(lab.state.chaos.kills).toEqual([]);
  });
});

describe("a load's lines", () => {
  const text = [
    "now 103.5",
    "2 100.20 000 56 0.001",
    "1 100.00 200 0 0.010",
    "3 100.40 000 28 2.000",
    "4 100.61 503 0 0.005",
    "5 100.80 200 0 0.015",
    "6 101.00 200 0 0.010",
    "sent 7",
  ].join("\n");
  const answers = parseLoadAnswers(text);

  it("are read in the order of sending", () => {
    expect(answers.map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(answers[1]).toEqual({ n: 2, at: 100_200, status: 0, exit: 56, ms: 1 });
  });

  it("are counted after a kill, including requests without a line", () => {
    expect(summarizeLosses(answers, 7, 100_100)).toEqual({
      ...{ sent: 6, lost: 4, bad: [100, 510], gapMs: 805, backMs: 700 },
      met: new Map([
        ["reset", 1],
        ["no answer", 1],
        ["503", 1],
        ["no trace", 1],
      ]),
    });
  });

  it("cost nothing by what was over before the kill", () => {
    const { lost, bad, gapMs } = summarizeLosses(answers, 6, 100_700);
    expect({ lost, bad, gapMs }).toEqual({ lost: 1, bad: [-300, -300], gapMs: 805 });
    expect(summarizeLosses(answers, 6, 102_500)).toMatchObject({ sent: 0, lost: 0, met: new Map() });
  });

  it("are calm once so many in a row are good, after a moment", () => {
    expect(steadySince(answers, 0, 2)?.n).toBe(5);
    expect(steadySince(answers, 0, 3)).toBeUndefined();
    expect(steadySince(answers, 100_900, 1)?.n).toBe(6);
  });
});
