import { describe, expect, it } from "vitest";
import { verifyLab } from "../../../verify";
import { type FakeWorld, fakeWorld } from "./fake/world";

const proven = async (lab: FakeWorld, id: string) => {
  const { verdict, notes, results } = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: [id] });
  const [result] = results;
  const miss = result?.findings.find((finding) => finding.verdict !== "pass");
  return { verdict, of: result?.verdict, layer: result?.layer, seen: miss?.seen, notes };
};

/** A lab whose appb is ready, or not, at each look. */
const rollouts = async (isReady: (look: number) => boolean | "gone") => {
  const lab = await fakeWorld();
  const { read } = lab;
  let look = 0;
  lab.read = async (ref, signal) => {
    const object = await read(ref, signal);
    if (ref.kind !== "Deployment" || ref.name !== "appb") return object;
    look += 1;
    if (isReady(look) === "gone") return undefined;
    return isReady(look) ? object : { ...object, status: { replicas: 1, updatedReplicas: 1, readyReplicas: 0 } };
  };
  return lab;
};

/** A lab whose appa gets no answer to some of its requests. */
const answers = async (isAnswered: (request: number) => boolean) => {
  const lab = await fakeWorld();
  const { exec } = lab;
  let request = 0;
  lab.exec = async (pod, ...rest) => {
    const result = await exec(pod, ...rest);
    if (!pod.name.startsWith("appa")) return result;
    request += 1;
    return isAnswered(request) ? result : { code: 28, stdout: "", stderr: "timed out" };
  };
  return lab;
};

describe("a state that changes to and fro", () => {
  it("is not a pass, even if one attempt of the check succeeded", async () => {
    // The first look of a run is the diagnosis's.
    expect(await proven(await rollouts((look) => look % 2 === 0), "apps")).toMatchObject({
      ...{ of: "fail", layer: "app" },
      seen: expect.stringMatching(/^flapping: good, then not \(\d+ of \d+ looks good\); at the last miss: /),
    });
  });

  it("is not a pass while the state changes", async () => {
    const { of, seen } = await proven(await rollouts((look) => look % 2 === 0 || "gone"), "apps");
    expect({ of, seen }).toMatchObject({ of: "fail", seen: expect.stringMatching(/^flapping: /) });
  });

  it("is no pass of a probe", async () => {
    expect(await proven(await answers((request) => request % 2 === 0), "authz-principals")).toMatchObject({
      of: "fail",
      seen: expect.stringMatching(/^flapping: good, then not \(\d+ of \d+ looks good\); at the last miss: no answer/),
    });
  });
});

describe("a state that was good, then not, and then good", () => {
  it("is repeated, with a note, where a check saw it", async () => {
    const { of, notes } = await proven(await rollouts((look) => look !== 3), "apps");
    expect(of).toBe("pass");
    expect(notes).toEqual([
      expect.stringMatching(/^apps: flapping: good, then not .*the experiment is repeated alone$/),
    ]);
  });

  it("is repeated, with a note, where a probe saw it", async () => {
    const { of, notes } = await proven(await answers((request) => request !== 2), "authz-principals");
    expect(of).toBe("pass");
    expect(notes).toEqual([
      expect.stringMatching(/^authz-principals: flapping: good, then not .*the experiment is repeated/),
    ]);
  });

  it("is repeated, with a note, where a call by gRPC saw it", async () => {
    const lab = await fakeWorld({ modules: ["grpc"] });
    const { exec } = lab;
    let calls = 0;
    lab.exec = async (pod, command, ...rest) => {
      const isCall = command.includes("--http2-prior-knowledge");
      if (isCall) calls += 1;
      return isCall && calls === 2 ? { code: 28, stdout: "", stderr: "timed out" } : exec(pod, command, ...rest);
    };
    const { of, notes } = await proven(lab, "grpc");
    expect(of).toBe("pass");
    expect(notes).toEqual([
      expect.stringMatching(/^grpc: flapping: good, then not .*: grpc-status none; the experiment is repeated/),
    ]);
  });

  it("stays a fail when it happens once more", async () => {
    const lab = await answers((request) => ![2, 7].includes(request));
    const { of, seen } = await proven(lab, "authz-principals");
    expect({ of, seen }).toMatchObject({ of: "fail", seen: expect.stringMatching(/^flapping: /) });
  });
});

describe("a state that was not good, and then good", () => {
  it("has settled", async () => {
    expect(await proven(await rollouts((look) => look > 4), "apps")).toMatchObject({ of: "pass" });
    expect(await proven(await answers((request) => request > 2), "authz-principals")).toMatchObject({ of: "pass" });
  });
});
