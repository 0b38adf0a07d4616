import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { annotationKeys, principalOf } from "../../../config/vocabulary";
import { verifyLab } from "../../../verify";
import { withoutPrincipal } from "../../../verify/checks/flip";
import { restoredOwners } from "../../../verify/restore/change";
import { annotationsOf, type FakeWorld, fakeWorld, ownersOf, rulesOf } from "./fake/world";

const run = (lab: FakeWorld, signal?: AbortSignal) =>
  verifyLab(lab.state.facts, {
    lab,
    clock: lab.state.clock,
    only: ["authz-flip"],
    ...(signal ? { signal } : {}),
  });

const isTakeOut = (operations: readonly { path: string; op: string }[]) =>
  operations.some(({ path, op }) => op === "replace" && path === "/spec/rules");

describe("authz-flip", () => {
  it("leaves rules, annotations and owners as they were", async () => {
    const lab = await fakeWorld();
    const before = structuredClone(rulesOf(lab));
    const report = await run(lab);
    expect(report.verdict).toBe("pass");
    expect(rulesOf(lab)).toEqual(before);
    expect(annotationsOf(lab)).toBeUndefined();
    expect(ownersOf(lab)).toEqual(["pulumi-kubernetes-1"]);
    expect(lab.patches.filter(isTakeOut)).toHaveLength(1);
  });

  it("names the waypoint, the policy and the log line of the refusal", async () => {
    const report = await run(await fakeWorld());
    const refusal = report.results[0]?.findings.find(({ name }) => name === "without appa: appa is refused");
    expect(refusal?.decision).toMatchObject({
      layer: "waypoint",
      policy: "AuthorizationPolicy/appb-l7",
      line: expect.stringContaining("rbac_access_denied_matched_policy[none]"),
    });
  });

  it("puts the policy back when it is interrupted", async () => {
    const lab = await fakeWorld();
    const before = structuredClone(rulesOf(lab));
    const stop = new AbortController();
    const sent = lab.exec;
    lab.exec = async (...call) => {
      if (lab.patches.some(isTakeOut)) stop.abort(new Error("Interrupted"));
      return sent(...call);
    };
    await expect(run(lab, stop.signal)).rejects.toThrow("Interrupted");
    expect(lab.patches.some(isTakeOut)).toBe(true);
    expect(rulesOf(lab)).toEqual(before);
    expect(annotationsOf(lab)).toBeUndefined();
    expect(ownersOf(lab)).toEqual(["pulumi-kubernetes-1"]);
  });

  it("reports the request before a change that the API server refuses", async () => {
    const lab = await fakeWorld();
    lab.beforePatch = () => {
      throw new Error("no route to host");
    };
    const { results, verdict } = await run(lab);
    expect(verdict).toBe("inconclusive");
    expect(results[0]?.findings.map(({ name }) => name)).toContainEqual(expect.stringMatching(/^before: /));
  });

  it("tries again when putting back fails", async () => {
    const lab = await fakeWorld();
    let refusals = 2;
    lab.beforePatch = (operations) => {
      if (isTakeOut(operations) || refusals === 0) return;
      refusals -= 1;
      throw new Error("etcdserver: request timed out");
    };
    const report = await run(lab);
    expect(report.verdict).toBe("pass");
    expect(annotationsOf(lab)).toBeUndefined();
  });

  it("fails with the reason when the policy cannot be restored", async () => {
    const lab = await fakeWorld();
    lab.beforePatch = (operations) => {
      if (!isTakeOut(operations)) throw new Error("etcdserver: request timed out");
    };
    const report = await run(lab);
    expect(report.verdict).toBe("fail");
    const finding = report.results[0]?.findings.find(({ name }) => name === "the policy is as it was");
    expect(finding).toMatchObject({ verdict: "fail", seen: expect.stringContaining("still changed") });
  });

  it("is restored by the next run after a crash", async () => {
    const lab = await fakeWorld();
    const before = structuredClone(rulesOf(lab));
    await crash(lab, { host: hostname(), pid: 2 ** 22 + 1 });
    const report = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["apps"] });
    expect(report.notes.join()).toContain("left changed by a run that died");
    expect(rulesOf(lab)).toEqual(before);
    expect(ownersOf(lab)).toEqual(["pulumi-kubernetes-1"]);
    expect(report.durationMs).toBeLessThan(10_000);
  });

  it("is restored by the next run, although istiod writes the policy's status meanwhile", async () => {
    const lab = await fakeWorld();
    await crash(lab, { host: hostname(), pid: 2 ** 22 + 1 });
    let writes = 2;
    lab.beforePatch = () => {
      const policy = lab.state.get("AuthorizationPolicy/default/appb-l7");
      if (writes > 0 && policy.metadata) policy.metadata.resourceVersion = `istiod-${writes}`;
      writes -= 1;
    };
    const report = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["apps"] });
    expect(report.notes.join()).toContain("left changed by a run that died");
    expect(annotationsOf(lab)).toBeUndefined();
  });

  it("waits for a run on another machine before it restores", async () => {
    const lab = await fakeWorld();
    await crash(lab, { host: "another-laptop", pid: 1 });
    const report = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["apps"] });
    expect(annotationsOf(lab)).toBeUndefined();
    expect(report.durationMs).toBeGreaterThan(55_000);
  });

  it("does not touch a policy that somebody changed in between", async () => {
    const lab = await fakeWorld();
    lab.beforePatch = (operations) => {
      const policy = lab.state.get("AuthorizationPolicy/default/appb-l7");
      if (isTakeOut(operations) && policy.metadata) policy.metadata.resourceVersion = "999";
    };
    const report = await run(lab);
    expect(report.verdict).not.toBe("pass");
    expect(annotationsOf(lab)).toBeUndefined();
  });
});

/** A run that takes appa out and then dies: its process is the given one. */
async function crash(lab: FakeWorld, by: { host: string; pid: number }): Promise<void> {
  const death = new AbortController();
  lab.beforePatch = (operations) => {
    if (!isTakeOut(operations)) throw new Error("dead");
  };
  await run(lab, death.signal);
  lab.beforePatch = () => undefined;
  const annotations = lab.state.get("AuthorizationPolicy/default/appb-l7").metadata?.annotations ?? {};
  annotations[annotationKeys.original] = JSON.stringify({
    ...JSON.parse(annotations[annotationKeys.original] ?? ""),
    by,
  });
}

describe("withoutPrincipal()", () => {
  const appa = principalOf("appa");
  const gateway = principalOf("gateway-istio");

  it("keeps the other identities of a rule", () => {
    const rules = [{ from: [{ source: { principals: [appa, gateway] } }], to: [{ operation: { methods: ["GET"] } }] }];
    expect(withoutPrincipal(rules, appa)).toEqual([
      { from: [{ source: { principals: [gateway] } }], to: [{ operation: { methods: ["GET"] } }] },
    ]);
  });

  it("removes a rule without remaining sources, which would allow every caller", () => {
    expect(withoutPrincipal([{ from: [{ source: { principals: [appa] } }], to: [] }], appa)).toEqual([]);
  });

  it("leaves rules alone that have no sources", () => {
    const rules = [{ to: [{ operation: { methods: ["GET"] } }] }];
    expect(withoutPrincipal(rules, appa)).toEqual(rules);
  });
});

describe("restoredOwners()", () => {
  const apply = { manager: "pulumi", operation: "Apply", apiVersion: "v1", fieldsV1: { "f:spec": { "f:rules": {} } } };
  const shrunk = { ...apply, fieldsV1: {} };
  const ours = { manager: "ambient-lab-verify", operation: "Update", apiVersion: "v1" };
  const status = { manager: "pilot", operation: "Update", apiVersion: "v1", subresource: "status", time: "2" };

  it("gives Pulumi its fields back and keeps the newest entry of the status", () => {
    expect(restoredOwners([shrunk, ours, status], [apply, { ...status, time: "1" }])).toEqual([apply, status]);
  });

  it("brings back an owner whose entry vanished", () => {
    expect(restoredOwners([ours], [apply])).toEqual([apply]);
  });
});
