import { describe, expect, it } from "vitest";
import { verifyLab } from "../../../verify";
import { type FakeWorld, fakeWorld } from "./fake/world";

const run = (lab: FakeWorld, only: string) => verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: [only] });

/** A lab whose policy was changed just now: for some time the waypoint serves the gateway's kept connections as before. */
async function changedJustNow(drainMs: number) {
  const lab = await fakeWorld();
  const { state } = lab;
  const changedAt = state.clock.now();
  state.drainsUntil = changedAt + drainMs;
  const asked: number[] = [];
  const sent = lab.gateway;
  lab.gateway = (...call) => {
    asked.push(state.clock.now() - changedAt);
    return sent(...call);
  };
  return { lab, asked };
}

describe("a waypoint that drains the configuration before", () => {
  it.each(["authz-principals", "authz-methods", "fault-delay"])("is not asked by %s until it is done", async (id) => {
    const { lab, asked } = await changedJustNow(5_000);
    expect((await run(lab, id)).verdict).toBe("pass");
    expect(asked.length).toBeGreaterThan(0);
    expect(Math.min(...asked)).toBeGreaterThanOrEqual(5_000);
  });

  it("is no proof of anything while it does not come to an end", async () => {
    const { lab } = await changedJustNow(3_600_000);
    const report = await run(lab, "authz-principals");
    expect(report.verdict).not.toBe("pass");
    const gate = report.results[0]?.findings.find(({ verdict }) => verdict === "inconclusive");
    expect(gate).toMatchObject({ layer: "waypoint", seen: expect.stringContaining("still serve open connections") });
  });

  it("is waited for before and after the flip", async () => {
    const { lab } = await changedJustNow(0);
    lab.beforePatch = (operations) => {
      if (operations.some(({ path }) => path === "/spec/rules")) lab.state.drainsUntil = lab.state.clock.now() + 5_000;
    };
    const report = await run(lab, "authz-flip");
    expect(report.verdict).toBe("pass");
    expect(report.durationMs).toBeGreaterThanOrEqual(10_000);
  });
});
