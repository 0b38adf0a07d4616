import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { run } from "../../../cli/run";
import { stackDir } from "../../../host";
import { type Answer, checkout, FakeEngine, fakeExec, fakeIo, fitMachine, ownLabHome } from "./world";

ownLabHome();
const cluster = "ambient-lab-alice";
const ps = `docker ps --all --filter label=io.x-k8s.kind.cluster=${cluster} --format`;
const network = { urn: "u", type: "docker:index/network:Network", id: "abc" };

/** A file of the lab whose state was lost. */
const stale = () => join(stackDir("alice"), "cluster");

/** A machine that has the network of alice's lab, and a node of it, while the backend has these stacks. */
function world(stacks: string[], more: Record<string, Answer> = {}, confirm?: () => Promise<boolean>) {
  const exec = fakeExec({
    ...fitMachine,
    [`${ps} {{.State}}`]: `running ${cluster}`,
    [`${ps} {{.Names}}`]: `${cluster}-control-plane running`,
    "docker network inspect --format {{index": "alice",
    ...{ "docker rm": "", "docker network rm": "" },
    ...more,
  });
  const engine = new FakeEngine(stacks);
  mkdirSync(stackDir("alice"), { recursive: true });
  writeFileSync(stale(), "");
  const io = fakeIo({ engine, exec, root: checkout(), ...(confirm ? { confirm } : {}) });
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
    expect(io.err()).toContain('Docker has 1 node of lab "alice", and the state does not know of them: it was lost');
    expect(io.err()).toContain('What was left of lab "alice" in Docker is removed: 1 node, its network');
    expect(removed()).toEqual(gone);
    expect(existsSync(stale())).toBe(false);
    expect(engine.calls).toEqual(calls);
  });

  test("touches nothing without consent, and makes no stack", async () => {
    const asked = async () => false;
    for (const { engine, io, removed, lab } of [world([]), world([], {}, asked)]) {
      expect(await lab("up", "--no-verify")).toBe(2);
      expect(io.err()).toContain(
        'What  Docker has the cluster of lab "alice", and the state in file://~ does not know it',
      );
      expect(io.err()).toContain("npm run up -- --stack alice --yes   (removes the cluster and makes the lab anew)");
      expect([...removed(), ...engine.calls]).toEqual([]);
      expect(existsSync(stackDir("alice"))).toBe(true);
    }
  });

  test.each(["up", "destroy"])(
    "%s leaves a lab alone whose state is in another backend, whatever was agreed to",
    async (verb) => {
      const elsewhere = mkdtempSync(join(tmpdir(), "lab-backend-"));
      mkdirSync(join(elsewhere, ".pulumi"));
      const { engine, io, removed, lab } = world([]);
      writeFileSync(join(stackDir("alice"), "backend"), `file://${elsewhere}`);
      expect(await lab(verb, "--yes")).toBe(2);
      expect(io.err()).toContain(
        `What  Lab "alice" is there, and its state is in file://${elsewhere}, not in file://~`,
      );
      expect(io.err()).toContain(`export PULUMI_BACKEND_URL=file://${elsewhere}`);
      expect([...removed(), ...engine.calls]).toEqual([]);
      rmSync(elsewhere, { recursive: true });
      const { removed: now, lab: again } = world([]);
      expect(await again(verb, "--yes", ...(verb === "up" ? ["--no-verify"] : []))).toBe(0);
      expect(now()).toEqual(gone);
    },
  );

  test("notes which backend knows the lab", async () => {
    const { lab } = world(["alice"]);
    expect(await lab("up", "--yes", "--no-verify")).toBe(0);
    expect(readFileSync(join(stackDir("alice"), "backend"), "utf8")).toBe("file://~");
  });

  test("removes an empty network without a question", async () => {
    const { removed, lab } = world(["alice"], { [ps]: "", [`${ps} {{.State}}`]: "", [`${ps} {{.Names}}`]: "" });
    expect(await lab("up", "--no-verify")).toBe(0);
    expect(removed()).toEqual(gone.slice(1));
  });

  test("leaves a lab alone that its state knows", async () => {
    const { engine, removed, lab } = world(["alice"]);
    engine.stackState = { resources: [network], pending: [] };
    expect(await lab("up", "--yes", "--no-verify")).toBe(0);
    expect(removed()).toEqual([]);
  });

  test("leaves alone what another stack's label is on", async () => {
    const { removed, lab } = world([], { "docker network inspect --format {{index": "bob" });
    expect(await lab("up", "--yes", "--no-verify")).toBe(0);
    expect(removed()).toEqual([]);
  });

  test("says what Docker refuses to remove", async () => {
    const { engine, io, lab } = world([], { "docker network rm": { code: 1, stderr: "has active endpoints" } });
    expect(await lab("up", "--yes", "--no-verify")).toBe(1);
    expect(io.err()).toContain("has active endpoints");
    expect(io.err()).toContain(`Fix   kind delete cluster --name ${cluster}; docker network rm ${cluster}`);
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
});
