import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { run } from "../../../cli/run";
import { stackDir } from "../../../host/paths";
import { edit } from "../verify/fake/breaks";
import type { FakeState } from "../verify/fake/state";
import { fakeWorld } from "../verify/fake/world";
import { type Answer, checkout, FakeEngine, fakeExec, fakeIo, fitMachine, ownLabHome } from "./world";

ownLabHome();

const cluster = "ambient-lab-alice";
const names = [`${cluster}-control-plane`, `${cluster}-worker`, `${cluster}-worker2`];
const ps = `docker ps --all --filter label=io.x-k8s.kind.cluster=${cluster} --format`;
const machine: Record<string, Answer> = {
  ...fitMachine,
  [`${ps} {{.State}}`]: names.map(() => `running ${cluster}`).join("\n"),
  [`${ps} {{.Names}}`]: names.map((name) => `${name} running`).join("\n"),
  "docker inspect": names.map((name) => `/${name} 2026-11-23T08:00:00Z 2026-11-23T08:00:01Z`).join("\n"),
  "docker exec": names.map((name) => `${name} True 2026-11-23T10:00:09Z`).join("\n"),
};

/** A lab that is up, in memory; the commands that are typed work on it. */
async function lab(breaks: (state: FakeState) => unknown = () => undefined, live = false) {
  const world = await fakeWorld();
  const { settings, url, context, versions, clusterName, declared } = world.state.facts;
  breaks(world.state);
  const engine = new FakeEngine(["alice"]);
  const kubeconfig = join(stackDir("alice"), "kubeconfig");
  engine.stackOutputs = {
    ...{ url, kubeconfig, context, versions, clusterName, declared, settings: { ...settings, cluster: "kind" } },
  };
  const io = fakeIo({
    ...{ root: checkout(), engine, exec: fakeExec(machine), live, env: { ...fakeIo().env, NO_COLOR: live ? "" : "1" } },
    openLabClient: async () => world,
    clock: world.state.clock,
  });
  return { io, world, type: (...args: string[]) => run([...args, "--stack", "alice"], io) };
}

const esc = String.fromCharCode(27);
const policyGone = (state: FakeState) => state.objects.delete("AuthorizationPolicy/default/appb-l7");
const machineBusy = (state: FakeState) => {
  state.slowRequestEvery = 19;
};
const ready: [string, string[]][] = [
  ["up", ["up", "--yes"]],
  ["resume", ["resume"]],
];

describe.each(ready)("%s", (_name, command) => {
  test("marks the proofs green, and says nothing more of them, when all pass", async () => {
    const { io, type } = await lab();
    expect(await type(...command), io.err()).toBe(0);
    expect(io.err()).toMatch(/^✓ Proofs {2}/m);
    expect(io.err()).not.toMatch(/[✗?] (Proofs|The proofs)/);
  });

  test("says of a lab whose proofs failed that it is not what it should be", async () => {
    const { io, type } = await lab(policyGone);
    expect(await type(...command)).toBe(1);
    expect(io.err()).toMatch(/^✗ Proofs {2}/m);
    expect(io.err()).not.toContain("✓ Proofs");
    expect(io.err()).toContain("✗ Not every proof passed: the lab is up, but not what it should be\n");
    expect(io.err()).toContain(
      "    Fix   npm run lab -- report --stack alice   (shows the layer that decided otherwise, and the reason)\n",
    );
  });

  test("says of inconclusive proofs that nothing is proven, not that something is wrong", async () => {
    const { io, type } = await lab(machineBusy);
    expect(await type(...command)).toBe(3);
    expect(io.err()).toMatch(/^\? Proofs {2}/m);
    expect(io.err()).not.toMatch(/[✓✗] Proofs/);
    expect(io.err()).toContain(
      "? The proofs are inconclusive: the lab is up, but it is not proven to be what it should be\n",
    );
    expect(io.err()).toContain("    Fix   npm run lab -- report --stack alice   (shows what is not proven, and why)\n");
    expect(io.err()).not.toMatch(/but not what it should be|layer that decided otherwise/);
  });
});

const bug = (state: FakeState) => state.withoutSpans.add("waypoint.default");

test.each([
  ["every experiment passes", () => undefined, /^All \d+ experiments pass, but the cluster is not what it should be$/],
  ["one is a known bug", bug, /^\d+ of \d+ experiments pass, but the cluster is not what it should be$/],
])("the report of a lab that drifted, where %s, does not speak of undecided ones", async (_what, also, heading) => {
  const { io, type } = await lab((state) => {
    edit("Service/default/appa", ["spec", "ports", 0, "name"], "web")(state);
    also(state);
  });
  expect(await type("up", "--yes")).toBe(3);
  expect(io.err()).toMatch(/^\? Proofs {2}/m);
  expect(io.err()).toContain("? The proofs are inconclusive: ");
  const before = io.out().length;
  expect(await type("report")).toBe(0);
  const page = readFileSync(fileURLToPath(io.out().slice(before).trim()), "utf8");
  expect(/<h1>(.*)<\/h1>/.exec(page)?.[1]).toMatch(heading);
});

test("a phase's mark has the colour of the verdict", async () => {
  const marks = async (breaks?: (state: FakeState) => unknown) => {
    const { io, type } = await lab(breaks, true);
    await type("up", "--yes");
    return [...io.err().matchAll(new RegExp(`${esc}\\[(\\d+)m(.)${esc}\\[39m Proofs`, "g"))].map(([, ...mark]) => mark);
  };
  expect(await marks()).toEqual([["32", "✓"]]);
  expect(await marks(policyGone)).toEqual([["31", "✗"]]);
  expect(await marks(machineBusy)).toEqual([["33", "?"]]);
}, 60_000);

describe("verify", () => {
  test("counts an experiment that is run again once", async () => {
    const { io, world, type } = await lab(machineBusy);
    const { write } = io.stderr;
    io.stderr.write = (text) => {
      if (text.includes("is repeated")) world.state.slowRequestEvery = 0;
      return write(text);
    };
    expect(await type("verify", "fault-delay"), io.err()).toBe(0);
    expect(io.err().match(/^\[.*\] fault-delay: \w+/gm)).toEqual([
      "[1/1] fault-delay: inconclusive",
      "[1/1] fault-delay: pass",
    ]);
  });
});
