import { describe, expect, it } from "vitest";
import { verifyLab } from "../../../verify";
import { brokenWorlds } from "./fake/broken-worlds";
import { expectDetected, summary } from "./fake/detected";
import { fakeWorld } from "./fake/world";

describe("verifyLab() of a broken lab", () => {
  it.each(brokenWorlds)("does not pass with $name", expectDetected);

  it("is inconclusive about the delay on a slow machine", async () => {
    const lab = await fakeWorld();
    lab.state.slowRequestEvery = 19;
    const report = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["fault-delay"] });
    expect(summary(report)).toEqual({ "fault-delay": "inconclusive client" });
    expect(report.verdict).toBe("inconclusive");
  });

  it("does not report a path as fast without a log, if the delay may be the latency of a slow machine", async () => {
    const settings = { faultDelay: "500ms" };
    const verdictOf = async (logsBroken: boolean) => {
      const lab = await fakeWorld(settings);
      lab.state.logsBroken = logsBroken;
      const report = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["fault-delay"] });
      return summary(report);
    };
    expect(await verdictOf(false)).toEqual({ "fault-delay": "pass" });
    expect(await verdictOf(true)).toEqual({ "fault-delay": "inconclusive waypoint" });
  });

  it("repeats an experiment once that was inconclusive on a busy machine", async () => {
    const lab = await fakeWorld();
    lab.state.slowRequestEvery = 19;
    const ended: string[] = [];
    const report = await verifyLab(lab.state.facts, {
      lab,
      clock: lab.state.clock,
      only: ["fault-delay"],
      observer: {
        ended: ({ verdict }) => {
          ended.push(verdict);
          lab.state.slowRequestEvery = 0;
        },
      },
    });
    expect({ ended, verdict: report.verdict }).toEqual({ ended: ["inconclusive", "pass"], verdict: "pass" });
    expect(report.notes).toEqual([expect.stringMatching(/^fault-delay: .*this machine was busy/)]);
  });

  it("passes the experiments that do not depend on the clock while the nodes' clock is wrong", async () => {
    const lab = await fakeWorld();
    lab.state.skewMs = 600_000;
    const report = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock });
    const bad = report.results.filter(({ verdict }) => verdict !== "pass").map(({ id }) => id);
    expect(bad).toEqual(["nodes"]);
  });
});
