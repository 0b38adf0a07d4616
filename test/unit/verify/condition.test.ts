import { describe, expect, it } from "vitest";
import { verifyLab } from "../../../verify";
import type { FakeState } from "./fake/state";
import { fakeWorld } from "./fake/world";

/** Changes the first permission of appb's policy in the waypoint's dump. */
async function withPermission(change: (permission: Record<string, unknown>) => unknown) {
  const lab = await fakeWorld();
  const podGet = lab.podGet.bind(lab);
  lab.podGet = async (pod, port, path, signal) => {
    const answer = await podGet(pod, port, path, signal);
    if (port !== 15_000 || !pod.name.startsWith("waypoint")) return answer;
    const dump = JSON.parse(answer.body, (key, value) => (key === "permissions" ? [change(value[0])] : value));
    return { ...answer, body: JSON.stringify(dump) };
  };
  const report = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["authz-principals"] });
  return report.results[0]?.findings.find(({ name }) => name === "rules of appb at waypoint");
}

describe("a rule of a proxy", () => {
  it.each([
    ["a kind of node that is new", () => ({ sourced_metadata: { metadata_matcher: { filter: "x" } } })],
    ["two fields in one node", (node: object) => ({ ...node, any: true })],
    ["a matcher with an option that is new", () => ({ header: { name: ":method", string_match: { custom: {} } } })],
    ["a set without members", () => ({ or_rules: { rules: [] } })],
  ])("with %s fails, and the message shows the node", async (_name, change) => {
    const finding = await withPermission(change);
    expect(finding).toMatchObject({ verdict: "fail", layer: "waypoint" });
    expect(finding?.seen).toContain("AuthorizationPolicy default/appb-l7, rule 0 has a part that is not understood: {");
  });

  it("that is written in another way and means the same passes", async () => {
    const finding = await withPermission((node) => ({
      and_rules: { rules: [{ not_rule: { not_rule: { and_rules: { rules: [node, node] } } } }] },
    }));
    expect(finding).toMatchObject({ verdict: "pass" });
  });

  it("that has one member more fails with that member", async () => {
    const finding = await withPermission((node) => ({
      or_rules: { rules: [node, { header: { name: ":method", string_match: { exact: "PUT" } } }] },
    }));
    expect(finding?.seen).toContain(
      'AuthorizationPolicy default/appb-l7, rule 0 has "method is PUT", which is not declared',
    );
  });
});

describe("objects that were in an existing cluster before the lab", () => {
  const at = (state: FakeState, key: string, creationTimestamp: string) => {
    const object = state.get(key);
    object.metadata = { ...object.metadata, ...{ creationTimestamp } };
  };
  const policy = (kind: string, apiVersion: string, spec: object) => ({
    ...{ apiVersion, kind, spec },
    metadata: { name: "theirs", namespace: "default" },
  });

  it.each([
    ["are left alone when they decide nothing", "NetworkPolicy", "networking.k8s.io/v1", {}, "pass"],
    ["fail when they decide", "Telemetry", "telemetry.istio.io/v1", { accessLogging: [{ disabled: true }] }, "fail"],
  ] as const)("%s", async (_name, kind, apiVersion, spec, verdict) => {
    const lab = await fakeWorld();
    lab.state.objects.set(`${kind}/default/theirs`, policy(kind, apiVersion, spec));
    at(lab.state, `${kind}/default/theirs`, "2026-11-01T00:00:00Z");
    at(lab.state, "Gateway/default/gateway", "2026-11-20T00:00:00Z");
    const facts = { ...lab.state.facts, cluster: "existing" as const };
    const report = await verifyLab(facts, { lab, clock: lab.state.clock, only: ["proxy-config"] });
    expect(report.verdict).toBe(verdict);
    const what = `${kind} default/theirs is not the lab's`;
    expect(report.notes.some((note) => note.includes(what) && note.includes("left alone"))).toBe(verdict === "pass");
    expect(report.drift.some((cause) => cause.what.includes(what))).toBe(verdict === "fail");
  });
});
