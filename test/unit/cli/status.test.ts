import { describe, expect, test } from "vitest";
import { run } from "../../../cli/run";
import { checkout, FakeEngine, fakeExec, fakeIo, fitMachine, ownLabHome } from "./world";

ownLabHome();

const running = { ...fitMachine, "docker ps --all": "running ambient-lab-alice\nrunning ambient-lab-alice" };

function world(config = "") {
  const engine = new FakeEngine(["organization/ambient-lab/alice"]);
  engine.stackOutputs = {
    url: "http://127.0.0.1:23456",
    settings: { workers: 2, allowedCallers: ["appa", "gateway"] },
  };
  const root = checkout(config ? { "Pulumi.alice.yaml": `config:\n${config}` } : {});
  return { engine, root };
}

describe("status", () => {
  const args = ["status", "--stack", "alice"];
  test("shows address and cluster of a healthy lab, and no hint", async () => {
    const io = fakeIo({ ...world(), exec: fakeExec(running) });
    expect(await run([...args, "--json"], io)).toBe(0);
    expect(JSON.parse(io.out())).toMatchObject({
      exists: true,
      cluster: "running",
      url: "http://127.0.0.1:23456",
      hints: [],
    });
  });

  test("hints at a changed configuration, a lost cluster and unfinished work", async () => {
    const { engine, root } = world("  ambient-lab:allowedCallers: [gateway]\n");
    engine.stackState = { resources: [], pending: [{ type: "creating", resource: { urn: "u", type: "t" } }] };
    const io = fakeIo({ engine, root });
    expect(await run(args, io)).toBe(0);
    expect(io.out()).toContain('! Configuration changed since the last "up": allowedCallers   (npm run preview)');
    expect(io.out()).toContain("! The cluster is gone");
    expect(io.out()).toContain("! A killed run left unfinished operations (1)");
  });

  test("reports a stack that does not exist", async () => {
    const io = fakeIo();
    expect(await run(args, io)).toBe(0);
    expect(io.out()).toBe('There is no lab "alice". Make it: npm run up -- --stack alice\n');
  });

  test("changes no machine: a missing tool is named, not brought", async () => {
    const io = fakeIo({ ...world(), exec: fakeExec({ ...running, "pulumi version": { code: 1, stderr: "" } }) });
    expect(await run(args, io)).toBe(4);
    expect(io.err()).toContain("What  There is no pulumi on the PATH");
  });
});
