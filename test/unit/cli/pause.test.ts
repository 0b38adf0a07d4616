import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { run } from "../../../cli/run";
import type { Exec } from "../../../host/exec";
import { stackDir } from "../../../host/paths";
import { fakeWorld } from "../verify/fake/world";
import { type Answer, checkout, FakeEngine, fakeExec, fakeIo, fitMachine, ownLabHome } from "./world";

const home = ownLabHome();
const cluster = "ambient-lab-alice";
const names = [`${cluster}-worker`, `${cluster}-control-plane`, `${cluster}-worker2`];
const ps = `docker ps --all --filter label=io.x-k8s.kind.cluster=${cluster} --format`;

/** A machine with a lab of three nodes that can be stopped and started. */
function machine(states: string[], more: Record<string, Answer> = {}): Exec & { calls: string[] } {
  const calls: string[] = [];
  const now = [...states];
  const exec: Exec = async (file, args, options) => {
    const all = names.slice(0, now.length);
    const answer = fakeExec({
      ...fitMachine,
      [`${ps} {{.State}}`]: now.map((state) => `${state} ${cluster}`).join("\n"),
      [`${ps} {{.Names}}`]: all.map((name, index) => `${name} ${now[index]}`).join("\n"),
      "docker stats": all.map((name) => `${name} 700MiB / 7.6GiB`).join("\n"),
      "docker inspect": all.map((name) => `/${name} 2026-11-23T08:00:00Z 2026-11-23T10:00:00Z`).join("\n"),
      "docker exec": all.map((name) => `${name} True 2026-11-23T10:00:09Z`).join("\n"),
      ...{ "docker stop": "", "docker start": "" },
      ...more,
    });
    const result = await answer(file, args, options);
    calls.push(...answer.calls);
    const [verb] = args;
    const then = { stop: "exited", start: "running" }[String(verb)];
    if (then && result.code === 0) for (const name of args) if (names.includes(name)) now[names.indexOf(name)] = then;
    return result;
  };
  return Object.assign(exec, { calls });
}

async function world(states: string[], more: Record<string, Answer> = {}, config = "") {
  const engine = new FakeEngine(["alice"]);
  const mesh = await fakeWorld();
  const { settings, url, context, versions } = mesh.state.facts;
  const kubeconfig = join(stackDir("alice"), "kubeconfig");
  engine.stackOutputs = { url, kubeconfig, context, versions, settings: { ...settings, cluster: "kind" } };
  const exec = machine(states, more);
  const root = checkout(config ? { "Pulumi.alice.yaml": `config:\n${config}` } : {});
  const io = fakeIo({ engine, exec, root, openLabClient: async () => mesh });
  return { io, exec, mesh, lab: (...args: string[]) => run([...args, "--stack", "alice"], io) };
}
const [up, down] = [Array<string>(3).fill("running"), Array<string>(3).fill("exited")];
const did = (calls: readonly string[], verb: string) => calls.filter((call) => call.startsWith(`docker ${verb} `));

describe("pause", () => {
  test("stops the nodes, workers first, and says what memory came back and how to go on", async () => {
    const { io, exec, lab } = await world(up);
    expect(await lab("pause")).toBe(0);
    expect(did(exec.calls, "stop")).toEqual([
      `docker stop -t 30 ${cluster}-worker ${cluster}-worker2`,
      `docker stop -t 30 ${cluster}-control-plane`,
    ]);
    expect(io.out()).toBe(
      'Lab "alice" is paused: 3 nodes stopped, 2.1 GiB of memory given back.\n\nNext:\n  npm run lab -- resume --stack alice\n',
    );
  });

  test("is content with a lab that is paused, and answers in JSON", async () => {
    const { io, exec, lab } = await world(down);
    expect(await lab("pause")).toBe(0);
    expect(io.out()).toContain('Lab "alice" is paused already.');
    expect([...did(exec.calls, "stop"), ...did(exec.calls, "stats")]).toEqual([]);
    const running = await world(up);
    expect(await running.lab("pause", "--json")).toBe(0);
    const stopped = [names[1], names[0], names[2]];
    expect(JSON.parse(running.io.out())).toEqual({
      ...{ stack: "alice", cluster: "paused", stopped, memoryBytes: 3 * 700 * 1024 ** 2 },
    });
  });

  test("does not take the nodes away from an engine that is at work", async () => {
    const { io, exec, lab } = await world(up, { "ps -p 4711": "1 /usr/bin/pulumi up" });
    const locks = join(home, "state/.pulumi/locks/organization/ambient-lab/alice");
    mkdirSync(locks, { recursive: true });
    io.env.PULUMI_BACKEND_URL = `file://${join(home, "state")}`;
    writeFileSync(join(locks, "1.json"), JSON.stringify({ pid: 4711, username: "u", hostname: hostname() }));
    expect(await lab("pause")).toBe(1);
    expect(io.err()).toContain('What  Stack "alice" is being changed by u@');
    expect(did(exec.calls, "stop")).toEqual([]);
  });
});

describe("resume", () => {
  test("starts the nodes, the control plane first, and waits until the mesh is whole", async () => {
    const { io, exec, mesh, lab } = await world(down);
    mesh.state.left.set("appb", "uncaptured");
    expect(await lab("resume", "--no-verify", "--json")).toBe(0);
    expect(did(exec.calls, "start")).toEqual([names[1], names[0], names[2]].map((name) => `docker start ${name}`));
    expect(JSON.parse(io.out())).toMatchObject({
      stack: "alice",
      started: [names[1], names[0], names[2]],
      repaired: [{ app: "appb", why: "its connections do not go to ztunnel" }],
    });
    expect(io.err()).toMatch(/is not in the mesh .*: the rollout of appb is restarted/);
  });

  test("writes the kubeconfig again that was lost meanwhile, and ends with what to type next", async () => {
    const { io, lab } = await world(down, { "kind get kubeconfig": "kind: Config" });
    expect(await lab("resume", "--no-verify")).toBe(0);
    expect(readFileSync(join(stackDir("alice"), "kubeconfig"), "utf8")).toBe("kind: Config\n");
    expect(io.err()).toContain("The kubeconfig file of the lab was gone: it is written again");
    expect(io.out()).toContain('Lab "alice" is up: http://127.0.0.1:18080');
  });

  test("points to up where there is no stack, or no node", async () => {
    const { io, lab } = await world([]);
    expect(await lab("resume")).toBe(2);
    expect(io.err()).toContain('What  Docker has no node of lab "alice"');
    expect(io.err()).toContain("Fix   npm run up -- --stack alice");
    const engine = new FakeEngine([]);
    const stackless = fakeIo({ engine, exec: machine(down) });
    expect(await run(["resume", "--stack", "alice"], stackless)).toBe(2);
    expect(stackless.err()).toContain('What  There is no lab "alice"');
  });
});

describe.each(["pause", "resume"])("%s", (verb) => {
  test("leaves a cluster alone that others use", async () => {
    const keys = { cluster: "existing", kubeconfig: "/k", context: "prod", appImage: "registry.test/a:1" };
    const existing = Object.entries(keys)
      .map(([key, value]) => `  ambient-lab:${key}: ${value}\n`)
      .join("");
    const { io, exec, lab } = await world(up, {}, existing);
    expect(await lab(verb)).toBe(2);
    expect(io.err()).toMatch(/What {2}Lab "alice" is on a cluster of yours \(context "prod"\)\n {4}Why .*\n {4}Fix /);
    expect(exec.calls).toEqual([]);
  });

  test("touches nothing while Docker is away", async () => {
    const away = await world(up, { "docker version": { code: 1, stderr: "Cannot connect" } });
    expect(await away.lab(verb)).toBe(4);
    expect(away.io.err()).toContain("What  Docker does not answer: Cannot connect");
  });
});

describe("a paused lab", () => {
  test.each([["verify"], ["open", "kiali"], ["traffic"]])(
    "is not contacted by %s, which shows how to resume it",
    async (...args) => {
      const { io, lab } = await world(down);
      expect(await lab(...args)).toBe(2);
      expect(io.err()).toContain('What  Lab "alice" is paused: none of its node containers runs');
      expect(io.err()).toContain("Fix   npm run lab -- resume --stack alice");
    },
  );

  test("is called paused by status", async () => {
    const { io, lab } = await world(down);
    expect(await lab("status")).toBe(0);
    expect(io.out()).toContain(
      'Lab "alice" is paused: none of its nodes runs.\n\nNext:\n  npm run lab -- resume --stack alice',
    );
    expect(io.out()).not.toContain("is up");
  });
});
