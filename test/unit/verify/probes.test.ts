import { describe, expect, it } from "vitest";
import { verifyLab } from "../../../verify";
import { type FakeWorld, fakeWorld } from "./fake/world";

const proven = async (lab: FakeWorld) => {
  const only = ["authz-principals"];
  const { results } = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only });
  const [result] = results;
  const miss = result?.findings.find(({ verdict }) => verdict !== "pass");
  return { verdict: result?.verdict, layer: result?.layer, seen: miss?.seen };
};

describe("an answer that has to come", () => {
  it.each([0, 1])("comes three times in a row, not every second time (%d)", async (parity) => {
    const lab = await fakeWorld();
    const { exec } = lab;
    let count = 0;
    lab.exec = async (pod, ...rest) => {
      const result = await exec(pod, ...rest);
      if (!pod.name.startsWith("appa")) return result;
      count += 1;
      return count % 2 === parity ? { code: 28, stdout: "", stderr: "timed out" } : result;
    };
    expect((await proven(lab)).verdict).toBe("fail");
  });

  it("is no proof when this machine was too slow to ask three times", async () => {
    const lab = await fakeWorld();
    const { exec } = lab;
    lab.exec = async (pod, ...rest) => {
      const result = await exec(pod, ...rest);
      if (pod.name.startsWith("appa")) await lab.state.clock.sleep(12_000, new AbortController().signal);
      return result;
    };
    expect(await proven(lab)).toMatchObject({
      ...{ verdict: "inconclusive", layer: "client" },
      seen: expect.stringMatching(/^good 1 of 3 times in a row when the time was up, after 0 misses; 200 in/),
    });
  });
});
