import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { run } from "../../../cli/run";
import { labOwner } from "../../../host/lab-owner";
import { stackDir } from "../../../host/paths";
import { type Answer, checkout, FakeEngine, fakeExec, fakeIo, fitMachine, ownLabHome, urnOf } from "./world";

ownLabHome();
afterEach(() => vi.unstubAllEnvs());
const cluster = "ambient-lab-alice";
const ps = `docker ps --all --filter label=io.x-k8s.kind.cluster=${cluster} --format`;
const networkInState = { urn: urnOf("u"), type: "docker:index/network:Network", id: "0a1b" };
const clusterInState = { urn: urnOf("command:local:Command::cluster-kind"), type: "command:local:Command" };

/** What `docker network ls` prints of a network with the labels of a lab: id, name, stack, owner. */
const network = (stack: string, owner: string) => ["0a1b", cluster, stack, owner].join("\t");

/** A file of the lab whose state was lost. */
const stale = () => join(stackDir("alice"), "cluster");

/** A machine that has the network of alice's lab, and a node of it, while the backend has these stacks. */
function world(
  stacks: string[],
  more: Record<string, Answer> = {},
  confirm?: () => Promise<boolean>,
  env: Record<string, string> = {},
) {
  const exec = fakeExec({
    ...fitMachine,
    [`${ps} {{.State}}`]: `running ${cluster}`,
    [`${ps} {{.Names}}`]: `${cluster}-control-plane running`,
    "docker network ls": network("alice", labOwner({ env: {}, root: checkout() })),
    ...{ "docker rm": "", "docker network rm": "" },
    ...more,
  });
  const engine = new FakeEngine(stacks);
  mkdirSync(stackDir("alice"), { recursive: true });
  writeFileSync(stale(), "");
  // The program, which the look at the machine stands for, reads the environment of its process.
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const io = fakeIo({ engine, exec, root: checkout(), ...(confirm ? { confirm } : {}) });
  Object.assign(io.env, env);
  const removed = () => exec.calls.filter((call) => /^docker (network )?rm /.test(call));
  return { engine, io, removed, lab: (...args: string[]) => run([...args, "--stack", "alice"], io) };
}
const gone = [`docker rm --force --volumes ${cluster}-control-plane`, `docker network rm ${cluster}`];

describe("up, when the state was lost and the cluster is there", () => {
  test.each([
    ["the stack is not in the backend", [], ["create", "select", "up"]],
    ["its state is empty", ["alice"], ["select", "up"]],
  ])("says so and makes the lab anew with consent: %s", async (_what, stacks, calls) => {
    const { engine, io, removed, lab } = world(stacks);
    expect(await lab("up", "--yes", "--no-verify")).toBe(0);
    expect(io.err()).toContain('Docker has 1 node of lab "alice" that are not in the state: the state was lost');
    expect(io.err()).toContain('Removed the leftovers of lab "alice" in Docker: 1 node, its network');
    expect(removed()).toEqual(gone);
    expect(existsSync(stale())).toBe(false);
    expect(engine.calls).toEqual(calls);
  });

  test("touches nothing without consent, and makes no stack", async () => {
    const asked = async () => false;
    for (const { engine, io, removed, lab } of [world([]), world([], {}, asked)]) {
      expect(await lab("up", "--no-verify")).toBe(2);
      expect(io.err()).toContain(
        `What  Docker has the cluster of lab "alice", and it is not in the state in file://${userInfo().homedir}`,
      );
      expect(io.err()).toContain("npm run up -- --stack alice --yes   (removes the cluster and makes the lab again)");
      expect([...removed(), ...engine.calls]).toEqual([]);
      expect(existsSync(stackDir("alice"))).toBe(true);
    }
  });

  test("removes an empty network without a question", async () => {
    const { removed, lab } = world(["alice"], { [ps]: "", [`${ps} {{.State}}`]: "", [`${ps} {{.Names}}`]: "" });
    expect(await lab("up", "--no-verify")).toBe(0);
    expect(removed()).toEqual(gone.slice(1));
  });

  test("leaves a lab alone that its state knows", async () => {
    const { engine, removed, lab } = world(["alice"]);
    engine.stackState = { resources: [networkInState, clusterInState], pending: [] };
    expect(await lab("up", "--yes", "--no-verify")).toBe(0);
    expect(removed()).toEqual([]);
  });

  test("says what Docker refuses to remove", async () => {
    const { engine, io, lab } = world([], { "docker network rm": { code: 1, stderr: "has active endpoints" } });
    expect(await lab("up", "--yes", "--no-verify")).toBe(1);
    expect(io.err()).toContain("has active endpoints");
    expect(io.err()).toMatch(/Fix {3}docker rm --force --volumes \$\(docker ps .*\); docker network rm /);
    expect(engine.calls).toEqual([]);
  });
});

describe("destroy, when the state was lost and the cluster is there", () => {
  test("removes the cluster all the same", async () => {
    const { io, removed, lab } = world([]);
    expect(await lab("destroy", "--yes")).toBe(0);
    expect(removed()).toEqual(gone);
    expect(io.out()).toContain('Lab "alice" is gone.');
  });

  test("keeps the files of a lab with the state in another backend", async () => {
    const { io, removed, lab } = world([]);
    writeFileSync(stale(), `${cluster} id-theirs s3://theirs\n`);
    expect(await lab("destroy", "--yes")).toBe(0);
    expect(removed()).toEqual(gone);
    expect(io.err()).toContain(
      `${stackDir("alice")} stays: it holds the files of the lab with the state in s3://theirs`,
    );
    expect(existsSync(stale())).toBe(true);
  });
});

describe.each(["up", "destroy"])("%s, when a killed run left nodes and the state knows their network", (verb) => {
  const args = [verb, "--yes", ...(verb === "up" ? ["--no-verify"] : [])];

  test("removes the nodes before the engine runs", async () => {
    const { engine, io, removed, lab } = world(["alice"]);
    engine.stackState = { resources: [networkInState], pending: [] };
    const before: string[][] = [];
    const run = verb === "up" ? "up" : "destroy";
    vi.spyOn(engine, run).mockImplementation(async () => void before.push(removed()));
    await lab(...args);
    expect(before).toEqual([gone.slice(0, 1)]);
    expect(io.err()).toContain("A killed run left an unfinished cluster: removed, 1 node");
  });

  test("says what Docker does not remove", async () => {
    const { engine, io, lab } = world(["alice"], { "docker rm": { code: 1, stderr: "device or resource busy" } });
    engine.stackState = { resources: [networkInState], pending: [] };
    expect(await lab(...args)).toBe(1);
    expect(io.err()).toContain("device or resource busy");
    expect(engine.calls).not.toContain(verb);
  });
});
