import { describe, expect, test } from "vitest";
import { run } from "../../../cli/run";
import { labFacts } from "../verify/fake/facts";
import { checkout, FakeEngine, fakeIo, ownLabHome } from "./world";

ownLabHome();

describe("lab verify", () => {
  test("lists the experiments without a lab", async () => {
    const io = fakeIo();
    expect(await run(["verify", "--list"], io)).toBe(0);
    expect(io.out()).toMatch(/^authz-flip +Without appa in the policy/m);
  });

  test("lists them as JSON", async () => {
    const io = fakeIo();
    expect(await run(["verify", "--list", "--json"], io)).toBe(0);
    expect(JSON.parse(io.out())).toContainEqual(expect.objectContaining({ id: "bypass" }));
  });

  test("explains an experiment for the stack's own settings, without a lab", async () => {
    const root = checkout({ "Pulumi.alice.yaml": "config:\n  ambient-lab:domain: lab.example\n" });
    const io = fakeIo({ root });
    expect(await run(["verify", "--explain", "gateway", "--stack", "alice"], io)).toBe(0);
    expect(io.out()).toContain("host: GET http://GATEWAY Host: appb.lab.example /get");
  });

  test("refuses an id that does not exist before it opens a cluster", async () => {
    const engine = new FakeEngine(["dev"]);
    const facts = labFacts();
    engine.stackOutputs = { ...facts, settings: { ...facts.settings, cluster: facts.cluster } };
    const io = fakeIo({ engine, openLabClient: async () => expect.fail("it opened the cluster") });
    expect(await run(["verify", "nothing", "--stack", "dev"], io)).toBe(2);
    expect(io.err()).toContain('No experiment is named "nothing"');
  });
});
