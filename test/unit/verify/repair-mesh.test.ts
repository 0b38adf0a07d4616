import { describe, expect, test } from "vitest";
import { parseZtunnelDump } from "../../../verify/proxy-config/ztunnel-dump";
import { repairMesh, waitUntilReady } from "../../../verify/repair/mesh";
import { edit } from "./fake/breaks";
import { type FakeWorld, fakeWorld } from "./fake/world";

const annotations = "/spec/template/metadata/annotations";
const restart = {
  ...{ op: "add", path: `${annotations}/kubectl.kubernetes.io~1restartedAt` },
  value: expect.stringMatching(/^2026-.*Z$/),
};

async function fakeLab(arrange: (lab: FakeWorld) => void = () => undefined) {
  const lab = await fakeWorld();
  arrange(lab);
  const said: string[] = [];
  const { facts, clock } = lab.state;
  const { signal } = new AbortController();
  const begun = clock.now();
  return {
    ...{ lab, said },
    options: {
      facts,
      lab,
      clock,
      signal,
      starts: new Map<string, number>(),
      say: (line: string) => void said.push(line),
    },
    took: () => clock.now() - begun,
  };
}

describe("repairMesh()", () => {
  test("leaves a lab alone whose pods are all in the mesh", async () => {
    const { lab, options, took } = await fakeLab();
    expect(await repairMesh(options)).toEqual([]);
    expect(lab.patches).toEqual([]);
    expect(took()).toBe(0);
  });

  test.each([
    ["unknown", "ztunnel on ambient-lab-dev-worker2 does not have it"],
    ["unserved", "ztunnel on ambient-lab-dev-worker2 does not proxy its connections"],
    ["uncaptured", "its connections do not go to ztunnel"],
  ] as const)("finds a healthy pod that left the mesh (%s), says so and rolls it out anew", async (how, why) => {
    const { lab, options, said } = await fakeLab(({ state }) => state.left.set("appb", how));
    const [pod] = lab.state.pods.filter(({ role }) => role === "appb");
    expect(await repairMesh(options)).toEqual([{ app: "appb", pod: pod?.name, why }]);
    expect(said).toEqual([`Pod "${pod?.name}" is not in the mesh (${why}): the rollout of appb is restarted`]);
    expect(lab.patches).toEqual([[restart]]);
  });

  test("rolls out a Deployment without annotations as well", async () => {
    const { lab, options } = await fakeLab(({ state }) => {
      state.left.set("appb", "unknown");
      edit("Deployment/default/appb", ["spec", "template", "metadata", "annotations"], undefined)(state);
    });
    await repairMesh(options);
    expect(lab.patches).toEqual([[{ op: "add", path: annotations, value: {} }, restart]]);
  });

  test("gives a pod that is new to the mesh time to join", async () => {
    const { lab, options, said } = await fakeLab(({ state }) => {
      state.left.set("appa", "unserved");
      const { sleep } = state.clock;
      state.clock.sleep = async (ms, signal) => {
        state.left.delete("appa");
        await sleep.call(state.clock, ms, signal);
      };
    });
    expect(await repairMesh(options)).toEqual([]);
    expect([...said, ...lab.patches]).toEqual([]);
  });

  test("reports a pod that is not in the mesh after its rollout", async () => {
    const { lab, options } = await fakeLab();
    lab.state.left.set("stranger", "uncaptured");
    lab.state.left.delete = () => false;
    await expect(repairMesh(options)).rejects.toThrow(
      /Lab "dev" does not come back: stranger-\S+: its connections do not go to ztunnel/,
    );
  });

  test("leaves a state that it cannot determine to the experiments", async () => {
    const { lab, options, said } = await fakeLab(({ state }) =>
      state.nodesWithoutZtunnel.add("ambient-lab-dev-worker2"),
    );
    expect(await repairMesh(options)).toEqual([]);
    expect(said).toEqual([
      "! Whether all pods are in the mesh cannot be determined: no ready ztunnel on ambient-lab-dev-worker2",
    ]);
    expect(lab.patches).toEqual([]);
  });
});

describe("waitUntilReady()", () => {
  test("waits until every workload runs, except workloads that are scaled to 0", async () => {
    const { options, took } = await fakeLab(({ state }) => {
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
    await waitUntilReady(options);
    expect(took()).toBeGreaterThan(60_000);
  });

  test("ignores the status of a pod from before the start of its node", async () => {
    const start = Date.parse("2026-11-23T11:00:00Z");
    const { options, took } = await fakeLab(({ state }) => {
      state.startedAt.set("stranger", "2026-11-23T10:59:00Z");
      const { sleep } = state.clock;
      state.clock.sleep = async (ms, signal) => {
        await sleep.call(state.clock, ms, signal);
        if (took() > 30_000) state.startedAt.set("stranger", "2026-11-23T11:00:00Z");
      };
    });
    await waitUntilReady({ ...options, starts: new Map([["ambient-lab-dev-worker", start]]) });
    expect(took()).toBeGreaterThan(30_000);
  });

  test("names workloads that do not become ready", async () => {
    const { options } = await fakeLab(({ state }) => {
      state.get("Deployment/default/waypoint").status = { replicas: 1 };
    });
    await expect(waitUntilReady(options)).rejects.toThrow(
      'Lab "dev" does not come back: Deployment/waypoint has 0 of 1 pods ready',
    );
  });
});

describe("parseZtunnelDump()", () => {
  const state = (name: string, word: string) => ({ info: { name, namespace: "default" }, state: word });
  test("counts a pod as served once it is up, and distinguishes a dump without this part from one with an empty list", () => {
    const workloadState = { a: state("appa-1", "Up"), b: state("appb-1", "Pending") };
    expect(parseZtunnelDump({ workloadState }).serves).toEqual(["default/appa-1"]);
    expect(parseZtunnelDump({ workloadState: {} }).serves).toEqual([]);
    expect(parseZtunnelDump({}).serves).toBeUndefined();
  });
});
