import { describe, expect, it } from "vitest";
import { verifyLab } from "../../../verify";
import type { Timings } from "../../../verify/context";
import { type FakeWorld, fakeWorld } from "./fake/world";

const signal = new AbortController().signal;

async function proven(lab: FakeWorld, only: string[], more: { timings?: Partial<Timings>; ended?: () => void } = {}) {
  const { timings = {}, ended } = more;
  const observer = ended ? { ended } : {};
  const clock = lab.state.clock;
  const { results } = await verifyLab(lab.state.facts, { lab, clock, only, timings, observer });
  const result = results.at(-1);
  const miss = result?.findings.find(({ verdict }) => verdict !== "pass");
  return { verdict: result?.verdict, layer: result?.layer, seen: miss?.seen };
}

/** A lab that takes so long to forward a port, and whose waypoint drains for five seconds after a change. */
async function slowForward(ms: number): Promise<FakeWorld> {
  const lab = await fakeWorld();
  lab.beforePatch = (operations) => {
    if (operations.some(({ path }) => path === "/spec/rules")) lab.state.drainsUntil = lab.state.clock.now() + 5_000;
  };
  const { podGet } = lab;
  lab.podGet = async (...call) => {
    await lab.state.clock.sleep(ms, signal);
    return podGet(...call);
  };
  return lab;
}

describe("on a slow machine", () => {
  it("waits for a change although each attempt takes five seconds", async () => {
    expect(await proven(await slowForward(2_500), ["authz-flip"])).toMatchObject({ verdict: "pass" });
  });

  it("is inconclusive about a change that could not be read three times", async () => {
    expect(await proven(await slowForward(9_000), ["authz-flip"])).toMatchObject({
      ...{ verdict: "inconclusive", layer: "client" },
      seen: expect.stringMatching(/of 3 successes in a row$/),
    });
  });

  it("finds a line although each read of the log takes longer than the deadline for lines", async () => {
    const lab = await fakeWorld();
    const { logs } = lab;
    let slow = false;
    lab.logs = async (...call) => {
      const read = await logs(...call);
      if (slow && call[1] !== undefined) await lab.state.clock.sleep(700, signal);
      return read;
    };
    const ended = () => {
      slow = true;
    };
    expect(await proven(lab, ["gateway", "authz-flip"], { timings: { logMs: 600 }, ended })).toMatchObject({
      verdict: "pass",
    });
  });

  it("three answers in a row may take as long as the delays that were asked for", async () => {
    const lab = await fakeWorld({ faultPath: "/", faultPercent: 100, faultDelay: "10s" });
    const { exec } = lab;
    lab.exec = async (...call) => {
      const result = await exec(...call);
      const [, seconds] = /"time_total":([\d.]+)/.exec(result.stdout) ?? [];
      await lab.state.clock.sleep(Number(seconds ?? 0) * 1000, signal);
      return result;
    };
    expect(await proven(lab, ["authz-methods"])).toMatchObject({ verdict: "pass" });
  });

  it("a limit that a slow sample does not reach is not proven", async () => {
    const lab = await fakeWorld({ modules: ["resilience"] });
    const filter = Object(lab.state.get("EnvoyFilter/default/appb-limited").spec);
    Object.assign(filter.configPatches[0].patch.value.typed_config.token_bucket, {
      max_tokens: 900,
      tokens_per_fill: 900,
    });
    const { exec } = lab;
    lab.exec = async (pod, command, ...rest) => {
      if (command.some((word) => word.includes("appb-limited"))) await lab.state.clock.sleep(26_000, signal);
      return exec(pod, command, ...rest);
    };
    expect((await proven(lab, ["resilience"])).verdict).not.toBe("pass");
  });

  it("a client that was held up does not make the waypoint late", async () => {
    const lab = await fakeWorld({ modules: ["resilience"] });
    const { exec } = lab;
    let left = 1;
    lab.exec = async (...call) => {
      const result = await exec(...call);
      if (left === 0 || !result.stdout.startsWith("504 ")) return result;
      left -= 1;
      return { ...result, stdout: result.stdout.replace(/^504 [\d.]+/, "504 3.504") };
    };
    expect(await proven(lab, ["resilience"])).toMatchObject({ verdict: "pass" });
    expect(left).toBe(0);
  });

  it("two requests that were held up do not blur the share of hundreds", async () => {
    const lab = await fakeWorld();
    const { fromPod } = lab.traffic;
    let left = 2;
    lab.traffic.fromPod = (...call) => {
      const met = fromPod.apply(lab.traffic, call);
      const fast = call[2].path.startsWith("/headers") && met.seconds < 1;
      if (!fast || left === 0) return met;
      left -= 1;
      return { ...met, seconds: 2.5 };
    };
    let runs = 0;
    const ended = () => {
      runs += 1;
    };
    const result = await proven(lab, ["fault-delay"], { ended });
    expect({ ...result, left, runs }).toMatchObject({ verdict: "pass", left: 0, runs: 1 });
  });

  it("an evicted pod that is still in the list is asked nothing", async () => {
    const lab = await fakeWorld();
    const { list } = lab;
    lab.list = async (what, ...rest) => {
      const pods = await list(what, ...rest);
      if (what.kind !== "Pod" || what.labels?.["gateway.networking.k8s.io/gateway-name"] !== "waypoint") return pods;
      const evicted = structuredClone(pods).map((pod) => {
        Object.assign(Object(pod.metadata), { name: "waypoint-evicted", uid: "evicted" });
        Object.assign(Object(pod.status), { phase: "Failed" });
        return pod;
      });
      return [...pods, ...evicted];
    };
    expect(await proven(lab, ["waypoint-traversed", "authz-flip"])).toMatchObject({ verdict: "pass" });
  });
});

describe("a delay that the client's clock measures shorter than it was set", () => {
  const verdictAt = async (share: number) => {
    const lab = await fakeWorld();
    const { fromPod } = lab.traffic;
    lab.traffic.fromPod = (...call) => {
      const met = fromPod.apply(lab.traffic, call);
      return met.seconds < 1 ? met : { ...met, seconds: 2 * share };
    };
    const { results } = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["fault-delay"] });
    return results[0]?.verdict;
  };

  it("counts as the delay as long as rounding explains the difference", async () => {
    expect(await verdictAt(0.96)).toBe("pass");
  });

  it("is not the delay that the waypoint's log claims when it is clearly shorter", async () => {
    expect(await verdictAt(0.94)).toBe("fail");
  });
});
