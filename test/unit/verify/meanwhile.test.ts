import { describe, expect, it } from "vitest";
import { annotationKeys, principalOf } from "../../../config/vocabulary";
import { verifyLab } from "../../../verify";
import { annotationsOf, type FakeWorld, fakeWorld, rulesOf } from "./fake/world";

const policy = "AuthorizationPolicy/default/appb-l7";
const rule = (...accounts: string[]) => ({
  from: [{ source: { principals: accounts.map((account) => principalOf(account)) } }],
  to: [{ operation: { methods: ["GET"] } }],
});

/** Calls something at the first request that a lab's appa sends, and at no other. */
function atFirstRequest(lab: FakeWorld, doIt: () => void, when = () => true): void {
  const { exec } = lab;
  let done = false;
  lab.exec = async (pod, ...rest) => {
    if (!done && pod.name.startsWith("appa") && when()) {
      done = true;
      doIt();
    }
    return exec(pod, ...rest);
  };
}

describe("while somebody else changes the lab", () => {
  it("what they made of the policy stays, and the run is no pass", async () => {
    const lab = await fakeWorld();
    const flipped = () => lab.patches.length > 0;
    atFirstRequest(
      lab,
      () => {
        const found = lab.state.get(policy);
        found.spec = { ...Object(found.spec), rules: [rule("stranger")] };
        Object.assign(Object(found.metadata), { resourceVersion: "777" });
      },
      flipped,
    );
    const { results } = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["authz-flip"] });
    expect(rulesOf(lab)).toEqual([rule("stranger")]);
    expect(annotationsOf(lab)).toBeUndefined();
    expect(results[0]?.verdict).toBe("fail");
    expect(results[0]?.findings.map(({ seen }) => seen).join()).toContain("is not restored");
  });

  /** A lab whose policy another run changes at the first request of appa, or had changed before, for some time. */
  async function flippedByAnother(begin: "before" | "at the first request") {
    const lab = await fakeWorld();
    const { clock } = lab.state;
    const found = lab.state.get(policy);
    const before = structuredClone(found);
    const original = { field: ["spec", "rules"], value: rulesOf(lab), owners: [], annotated: false };
    let until = Number.POSITIVE_INFINITY;
    const flip = () => {
      found.spec = { ...Object(found.spec), rules: [rule("gateway-istio")] };
      const annotations = {
        [annotationKeys.original]: JSON.stringify({ ...original, by: { host: "another", pid: 1 } }),
      };
      Object.assign(Object(found.metadata), { annotations, resourceVersion: "101" });
      until = clock.now() + 40_000;
    };
    const { read } = lab;
    lab.read = async (...call) => {
      if (clock.now() >= until) Object.assign(found, structuredClone(before));
      return read(...call);
    };
    if (begin === "at the first request") atFirstRequest(lab, flip);
    return { lab, flip };
  }

  it("an experiment that met another run's change is repeated after that run", async () => {
    const { lab } = await flippedByAnother("at the first request");
    const { clock } = lab.state;
    const report = await verifyLab(lab.state.facts, { lab, clock, only: ["authz-principals"] });
    expect(report.verdict).toBe("pass");
    expect(report.notes.join()).toContain("AuthorizationPolicy/appb-l7 was changed meanwhile");
    expect(lab.patches).toEqual([]);
  });

  it("so is one that began after the change and ended before it was put back", async () => {
    const { lab, flip } = await flippedByAnother("before");
    const { clock } = lab.state;
    const only = ["apps", "waypoint-traversed"];
    const report = await verifyLab(lab.state.facts, {
      lab,
      clock,
      only,
      observer: { ended: ({ id }) => id === "apps" && flip() },
    });
    expect(report.results.map(({ id, verdict }) => `${id} ${verdict}`)).toEqual([
      "apps pass",
      "waypoint-traversed pass",
    ]);
    expect(report.notes.join()).toContain("waypoint-traversed: ");
  });

  it.each([1, Number.POSITIVE_INFINITY])("a cluster that is out of reach for %s reads ends no run", async (times) => {
    const lab = await fakeWorld();
    lab.state.objects.delete(policy);
    const { read } = lab;
    let left = 0;
    lab.read = async (...call) => {
      left -= 1;
      if (left >= 0) throw new Error("connect ECONNREFUSED");
      return read(...call);
    };
    const ended = () => {
      left = times;
    };
    const options = { lab, clock: lab.state.clock, only: ["apps", "waypoint-traversed"], observer: { ended } };
    const { results } = await verifyLab(lab.state.facts, options);
    expect(results.map(({ id, verdict }) => `${id} ${verdict}`)).toEqual(["apps pass", "waypoint-traversed fail"]);
  });

  it("another run's change is no drift", async () => {
    const { lab, flip } = await flippedByAnother("before");
    const { clock } = lab.state;
    const report = await verifyLab(lab.state.facts, { lab, clock, only: ["apps"], observer: { ended: flip } });
    expect(report).toMatchObject({ verdict: "pass", drift: [] });
  });
});
