import { describe, expect, test } from "vitest";
import { parseZtunnelDump } from "../../../verify/proxy-config/ztunnel-dump";
import { mendMesh, untilBack } from "../../../verify/repair/mesh";
import { FakeWorld } from "./fake/world";

function lab(arrange: (world: FakeWorld) => void = () => undefined) {
  const world = new FakeWorld();
  arrange(world);
  const said: string[] = [];
  const { facts, clock } = world.state;
  const { signal } = new AbortController();
  const begun = clock.now();
  return {
    ...{ world, said },
    options: {
      facts,
      world,
      clock,
      signal,
      starts: new Map<string, number>(),
      say: (line: string) => void said.push(line),
    },
    took: () => clock.now() - begun,
  };
}

describe("mendMesh()", () => {
  test("leaves a lab alone whose pods are all in the mesh", async () => {
    const { world, options, took } = lab();
    expect(await mendMesh(options)).toEqual([]);
    expect(world.patches).toEqual([]);
    expect(took()).toBe(0);
  });

  test.each([
    ["unknown", "ztunnel on ambient-lab-dev-worker2 does not know it"],
    ["unserved", "ztunnel on ambient-lab-dev-worker2 does not take its connections"],
    ["uncaptured", "its connections do not go to ztunnel"],
  ] as const)("finds a healthy pod that left the mesh (%s), says so and rolls it out anew", async (how, why) => {
    const { world, options, said } = lab(({ state }) => state.left.set("appb", how));
    const [pod] = world.state.pods.filter(({ role }) => role === "appb");
    expect(await mendMesh(options)).toEqual([{ app: "appb", pod: pod?.name, why }]);
    expect(said).toEqual([`Pod "${pod?.name}" left the mesh (${why}): appb is rolled out anew`]);
    expect(world.patches).toEqual([
      [
        { op: "add", path: "/spec/template/metadata/annotations", value: {} },
        {
          op: "add",
          path: "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt",
          value: expect.stringMatching(/^2026-.*Z$/),
        },
      ],
    ]);
  });

  test("gives a pod that is new to the mesh time to join", async () => {
    const { world, options, said } = lab(({ state }) => {
      state.left.set("appa", "unserved");
      const { sleep } = state.clock;
      state.clock.sleep = async (ms, signal) => {
        state.left.delete("appa");
        await sleep.call(state.clock, ms, signal);
      };
    });
    expect(await mendMesh(options)).toEqual([]);
    expect([...said, ...world.patches]).toEqual([]);
  });

  test("gives up on a pod that stays out after its rollout, and names it", async () => {
    const { world, options } = lab();
    world.state.left.set("stranger", "uncaptured");
    world.state.left.delete = () => false;
    await expect(mendMesh(options)).rejects.toThrow(
      /Lab "dev" does not come back: stranger-\S+: its connections do not go to ztunnel/,
    );
  });

  test("leaves to the proofs what it cannot tell", async () => {
    const { world, options, said } = lab(({ state }) => state.silentNodes.add("ambient-lab-dev-worker2"));
    expect(await mendMesh(options)).toEqual([]);
    expect(said).toEqual([
      "! Whether all pods are in the mesh cannot be told: no ready ztunnel on ambient-lab-dev-worker2",
    ]);
    expect(world.patches).toEqual([]);
  });
});

describe("untilBack()", () => {
  test("waits until every workload runs, and not for what was scaled to nothing", async () => {
    const { options, took } = lab(({ state }) => {
      const ztunnel = state.get("DaemonSet/istio-system/ztunnel");
      const whole = ztunnel.status;
      ztunnel.status = { desiredNumberScheduled: 3, numberReady: 2, updatedNumberScheduled: 3 };
      state.scale("default/outsider");
      const { sleep } = state.clock;
      state.clock.sleep = async (ms, signal) => {
        await sleep.call(state.clock, ms, signal);
        if (took() > 60_000) ztunnel.status = whole;
      };
    });
    await untilBack(options);
    expect(took()).toBeGreaterThan(60_000);
  });

  test("does not believe what the cluster remembers of a pod from before its node was started", async () => {
    const start = Date.parse("2026-11-23T11:00:00Z");
    const { options, took } = lab(({ state }) => {
      state.startedAt.set("stranger", "2026-11-23T10:59:00Z");
      const { sleep } = state.clock;
      state.clock.sleep = async (ms, signal) => {
        await sleep.call(state.clock, ms, signal);
        if (took() > 30_000) state.startedAt.set("stranger", "2026-11-23T11:00:00Z");
      };
    });
    await untilBack({ ...options, starts: new Map([["ambient-lab-dev-worker", start]]) });
    expect(took()).toBeGreaterThan(30_000);
  });

  test("says what does not come back", async () => {
    const { options } = lab(({ state }) => {
      state.get("Deployment/default/waypoint").status = { replicas: 1 };
    });
    await expect(untilBack(options)).rejects.toThrow(
      'Lab "dev" does not come back: Deployment/waypoint has 0 of 1 pods ready',
    );
  });
});

describe("parseZtunnelDump()", () => {
  const state = (name: string, word: string) => ({ info: { name, namespace: "default" }, state: word });
  test("counts a pod as served once it is up, and tells a dump that says nothing of it from one that has none", () => {
    const workloadState = { a: state("appa-1", "Up"), b: state("appb-1", "Pending") };
    expect(parseZtunnelDump({ workloadState }).serves).toEqual(["default/appa-1"]);
    expect(parseZtunnelDump({ workloadState: {} }).serves).toEqual([]);
    expect(parseZtunnelDump({}).serves).toBeUndefined();
  });
});
