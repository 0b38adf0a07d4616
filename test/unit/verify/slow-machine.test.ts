import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { verifyLab } from "../../../verify";
import type { Timings } from "../../../verify/context";
import { FakeWorld } from "./fake/world";

const signal = new AbortController().signal;

async function proven(world: FakeWorld, only: string[], more: { timings?: Partial<Timings>; ended?: () => void } = {}) {
  const { timings = {}, ended } = more;
  const observer = ended ? { ended } : {};
  const clock = world.state.clock;
  const { results } = await verifyLab(world.state.facts, { world, clock, only, timings, observer });
  const result = results.at(-1);
  const miss = result?.findings.find(({ verdict }) => verdict !== "pass");
  return { verdict: result?.verdict, layer: result?.layer, seen: miss?.seen };
}

/** A lab that takes so long to forward a port, and whose waypoint drains for five seconds after a change. */
function slowForward(ms: number): FakeWorld {
  const world = new FakeWorld();
  world.beforePatch = (operations) => {
    if (operations.some(({ path }) => path === "/spec/rules"))
      world.state.drainsUntil = world.state.clock.now() + 5_000;
  };
  const { podGet } = world;
  world.podGet = async (...call) => {
    await world.state.clock.sleep(ms, signal);
    return podGet(...call);
  };
  return world;
}

describe("on a slow machine", () => {
  it("a change is waited for although each look takes five seconds", async () => {
    expect(await proven(slowForward(2_500), ["authz-flip"])).toMatchObject({ verdict: "pass" });
  });

  it("nobody is blamed for a change that could not be looked at three times", async () => {
    expect(await proven(slowForward(9_000), ["authz-flip"])).toMatchObject({
      ...{ verdict: "inconclusive", layer: "client" },
      seen: expect.stringMatching(/of 3 successes in a row$/),
    });
  });

  it("a line is found although every look at the log takes longer than lines are waited for", async () => {
    const world = new FakeWorld();
    const { logs } = world;
    const { clock } = world.state;
    // What takes time here takes it by the true clock.
    const [begin, truly] = [clock.now(), Date.now()];
    clock.now = () => begin + Date.now() - truly;
    clock.sleep = async (ms) => void (await delay(ms));
    let slow = false;
    world.logs = async (...call) => {
      const read = await logs(...call);
      if (slow && call[1] !== undefined) await delay(700);
      return read;
    };
    const ended = () => {
      slow = true;
    };
    expect(await proven(world, ["gateway", "authz-flip"], { timings: { logMs: 600 }, ended })).toMatchObject({
      verdict: "pass",
    });
  });

  it("three answers in a row may take as long as the delays that were asked for", async () => {
    const world = new FakeWorld({ faultPath: "/", faultPercent: 100, faultDelay: "10s" });
    const { exec } = world;
    world.exec = async (...call) => {
      const result = await exec(...call);
      const [, seconds] = /"time_total":([\d.]+)/.exec(result.stdout) ?? [];
      await world.state.clock.sleep(Number(seconds ?? 0) * 1000, signal);
      return result;
    };
    expect(await proven(world, ["authz-methods"])).toMatchObject({ verdict: "pass" });
  });

  it("a limit that a slow sample does not reach is not proven", async () => {
    const world = new FakeWorld({ modules: ["resilience"] });
    const filter = Object(world.state.get("EnvoyFilter/default/appb-limited").spec);
    Object.assign(filter.configPatches[0].patch.value.typed_config.token_bucket, {
      max_tokens: 900,
      tokens_per_fill: 900,
    });
    const { exec } = world;
    world.exec = async (pod, command, ...rest) => {
      if (command.some((word) => word.includes("appb-limited"))) await world.state.clock.sleep(26_000, signal);
      return exec(pod, command, ...rest);
    };
    expect((await proven(world, ["resilience"])).verdict).not.toBe("pass");
  });

  it("a client that was held up does not make the waypoint late", async () => {
    const world = new FakeWorld({ modules: ["resilience"] });
    const { exec } = world;
    let left = 1;
    world.exec = async (...call) => {
      const result = await exec(...call);
      if (left === 0 || !result.stdout.startsWith("504 ")) return result;
      left -= 1;
      return { ...result, stdout: result.stdout.replace(/^504 [\d.]+/, "504 3.504") };
    };
    expect(await proven(world, ["resilience"])).toMatchObject({ verdict: "pass" });
    expect(left).toBe(0);
  });

  it("an evicted pod that is still in the list is asked nothing", async () => {
    const world = new FakeWorld();
    const { list } = world;
    world.list = async (what, ...rest) => {
      const pods = await list(what, ...rest);
      if (what.kind !== "Pod" || what.labels?.["gateway.networking.k8s.io/gateway-name"] !== "waypoint") return pods;
      const evicted = structuredClone(pods).map((pod) => {
        Object.assign(Object(pod.metadata), { name: "waypoint-evicted", uid: "evicted" });
        Object.assign(Object(pod.status), { phase: "Failed" });
        return pod;
      });
      return [...pods, ...evicted];
    };
    expect(await proven(world, ["waypoint-traversed", "authz-flip"])).toMatchObject({ verdict: "pass" });
  });
});
