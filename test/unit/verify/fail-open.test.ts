import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { annotationKeys } from "../../../config/vocabulary";
import { verifyLab } from "../../../verify";
import type { PatchOperation } from "../../../verify/lab-client";
import { type FakeWorld, fakeWorld } from "./fake/world";

const policy = "AuthorizationPolicy/default/appb-waypoint-only";
const service = "Service/default/appb";
const fakeLab = (settings = {}) => fakeWorld({ modules: ["fail-open"], ...settings });
const run = (lab: FakeWorld, only = ["fail-open"], signal?: AbortSignal) =>
  verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only, ...(signal ? { signal } : {}) });

/** What must be as it was: both guards, but for the number that each write moves. */
const guards = ({ state }: FakeWorld) =>
  structuredClone([policy, service].map((key) => ({ ...state.get(key), metadata: kept(state.get(key).metadata) })));
const kept = (metadata: object | undefined) => ({ ...metadata, resourceVersion: "" });

const takes = (path: string) => (operations: readonly PatchOperation[]) =>
  operations.some((each) => each.op === "replace" && each.path === path);
const takesPolicy = takes("/spec/selector/matchLabels");
const takesWaypoint = takes("/metadata/labels");

describe("fail-open", () => {
  it("shows who walks in, shuts the door, and leaves both guards as they were", async () => {
    const lab = await fakeLab();
    const before = guards(lab);
    const report = await run(lab);
    expect(report.results[0]?.findings.filter(({ verdict }) => verdict !== "pass")).toEqual([]);
    expect(report.verdict).toBe("pass");
    expect(guards(lab)).toEqual(before);
    expect(lab.patches.filter(takesPolicy)).toHaveLength(1);
    expect(lab.patches.filter(takesWaypoint)).toHaveLength(1);
    const decided = Object.fromEntries(
      report.results[0]?.findings.flatMap(({ name, decision }) => (decision ? [[name, decision.layer]] : [])) ?? [],
    );
    expect(decided).toMatchObject({
      "guarded: outsider is refused at Service appb": "ztunnel",
      "without the waypoint-only policy: outsider reaches Service appb": "app",
      "without the waypoint-only policy: at the waypoint stranger may not POST /post, still": "waypoint",
      "without the waypoint as well: stranger reaches Service appb": "app",
      "without the waypoint as well: the gateway lets POST through": "app",
      "closed by the policy alone: stranger is refused at Service appb": "ztunnel",
      "guarded again: stranger may not POST /post": "waypoint",
    });
  });

  it("does not run in a lab without the module, and names the setting when it is selected", async () => {
    const lab = await fakeLab({ modules: [] });
    expect(
      (await verifyLab(lab.state.facts, { lab, clock: lab.state.clock })).results.map(({ id }) => id),
    ).not.toContain("fail-open");
    const { results, verdict } = await run(lab);
    expect(results).toMatchObject([
      { verdict: "skipped", reason: expect.stringContaining("config set modules '[fail-open]'") },
    ]);
    expect(verdict).toBe("inconclusive");
    expect(lab.patches.filter((each) => takesPolicy(each) || takesWaypoint(each))).toEqual([]);
  });

  it.each([
    ["the bypass open", { closeBypass: false }],
    [
      "everything allowed",
      {
        allowedMethods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
        allowedCallers: ["appa", "gateway", "stranger"],
      },
    ],
  ] as const)("changes nothing with %s", async (_name, settings) => {
    const lab = await fakeLab(settings);
    expect((await run(lab)).results[0]?.verdict).toBe("skipped");
    expect(lab.patches).toEqual([]);
  });

  it.each([
    ["the policy is off", takesPolicy],
    ["the waypoint is off, too", takesWaypoint],
  ])("puts everything back when it is interrupted while %s", async (_name, taken) => {
    const lab = await fakeLab();
    const before = guards(lab);
    const stop = new AbortController();
    const { exec } = lab;
    lab.exec = async (...call) => {
      if (lab.patches.some(taken)) stop.abort(new Error("Interrupted"));
      return exec(...call);
    };
    await expect(run(lab, ["fail-open"], stop.signal)).rejects.toThrow("Interrupted");
    expect(lab.patches.some(taken)).toBe(true);
    expect(guards(lab)).toEqual(before);
  });

  it("is recovered by the next run after a crash, also when the module was removed", async () => {
    const lab = await fakeLab();
    const before = guards(lab);
    lab.beforePatch = (operations) => {
      if (!takesPolicy(operations) && !takesWaypoint(operations)) throw new Error("dead");
    };
    expect((await run(lab)).verdict).toBe("fail");
    lab.beforePatch = () => undefined;
    for (const key of [policy, service]) buried(lab, key);
    const later = await verifyLab(
      { ...lab.state.facts, settings: { ...lab.state.facts.settings, modules: [] } },
      { lab, clock: lab.state.clock, only: ["apps"] },
    );
    expect(later.notes).toEqual([
      "AuthorizationPolicy appb-waypoint-only was left changed by a run that died; it is restored",
      "Service appb was left changed by a run that died; it is restored",
    ]);
    expect(guards(lab)).toEqual(before);
  });

  it("shuts the doors again at once when one does not open", async () => {
    const lab = await fakeLab();
    // Somebody else's policy still stands on appb's pods.
    const { exec } = lab;
    lab.exec = async (pod, command, ...rest) => {
      const shut = pod.name.startsWith("outsider") && lab.patches.some(takesPolicy);
      return shut ? { code: 56, stdout: "", stderr: "reset" } : exec(pod, command, ...rest);
    };
    const before = guards(lab);
    const report = await run(lab);
    expect(report.verdict).toBe("fail");
    expect(lab.patches.some(takesWaypoint)).toBe(false);
    expect(guards(lab)).toEqual(before);
  });

  it("leaves alone what another run has changed", async () => {
    const lab = await fakeLab();
    const original = {
      field: ["metadata", "labels"],
      value: {},
      owners: [],
      annotated: false,
      by: { host: "another", pid: 1 },
    };
    const { read } = lab;
    let asked = 0;
    // It comes between this run's start and its own change.
    lab.read = async (ref, signal) => {
      const found = await read(ref, signal);
      if (ref.name === "appb-waypoint-only" && lab.state.logs.size > 0 && found?.metadata) {
        asked += 1;
        found.metadata.annotations = { [annotationKeys.original]: JSON.stringify(original) };
      }
      return found;
    };
    const report = await run(lab);
    expect(report.verdict).toBe("inconclusive");
    expect(asked).toBeGreaterThan(0);
    expect(lab.patches).toEqual([]);
    expect(report.results[0]?.findings.map(({ seen }) => seen).join()).toContain(
      "changed already, by another run, process 1 on another",
    );
    expect(report.results[0]?.findings).toContainEqual(
      expect.objectContaining({ name: "the policy is as it was", verdict: "inconclusive" }),
    );
  });
});

/** Makes the writer of a change a process that has ended. */
function buried(lab: FakeWorld, key: string): void {
  const annotations = lab.state.get(key).metadata?.annotations ?? {};
  const text = annotations[annotationKeys.original];
  if (text === undefined) throw new Error(`${key} is not changed`);
  annotations[annotationKeys.original] = JSON.stringify({
    ...JSON.parse(text),
    by: { host: hostname(), pid: 2 ** 22 + 1 },
  });
}
