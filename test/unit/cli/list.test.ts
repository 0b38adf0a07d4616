import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { run } from "../../../cli/run";
import { evidenceFolder } from "../../support/evidence";
import { type Answer, FakeEngine, fakeExec, fakeIo, fitMachine, ownLabHome } from "./world";

const home = ownLabHome();
const label = "label=io.x-k8s.kind.cluster";

/** A machine with a lab that runs, one that is paused, and one of whose cluster nothing is left. */
const machine: Record<string, Answer> = {
  ...fitMachine,
  [`docker ps --all --filter ${label} --format`]: [
    [
      "ambient-lab-alice",
      "ambient-lab-alice-worker",
      "running",
      "kindest/node:v1.36.1@sha256:ab",
      "2026-11-23 09:00:00",
    ],
    ["ambient-lab-alice", "ambient-lab-alice-control-plane", "running", "kindest/node:v1.36.1", "2026-11-23 08:59:00"],
    ["ambient-lab-bob", "ambient-lab-bob-control-plane", "exited", "kindest/node:v1.34.2-x", "2026-11-20 12:00:00"],
    ["kind", "kind-control-plane", "running", "kindest/node:v1.36.1", "2026-11-01 12:00:00"],
  ]
    .map((row) => `${row.join("\t")} +0000 UTC`)
    .join("\n"),
  [`docker ps --all --filter ${label}=ambient-lab-alice`]: "running ambient-lab-alice\nrunning ambient-lab-alice",
  [`docker ps --all --filter ${label}=ambient-lab-bob`]: "exited ambient-lab-bob",
  "docker stats": "ambient-lab-alice-worker 900MiB / 7.6GiB\nambient-lab-alice-control-plane 1.2GiB / 7.6GiB",
};

function world(stacks: string[], answers = machine) {
  const engine = new FakeEngine(stacks.map((name) => `organization/ambient-lab/${name}`));
  engine.stackOutputs = {
    ...{ url: "http://127.0.0.1:23456", settings: { cluster: "kind" } },
    versions: { istio: "1.31.1", gatewayApi: "v1.6.0", metallb: "v0.16.1" },
  };
  const exec = fakeExec(answers);
  return { engine, exec, io: fakeIo({ engine, exec }) };
}

describe("list", () => {
  test("shows address, versions, age, memory and last verdict of every lab", async () => {
    await evidenceFolder({}, join(home, "evidence", "alice", "2026-11-23T12-00-00.000Z"));
    const { io, exec } = world(["alice", "bob", "carol"]);
    expect(await run(["list"], io)).toBe(0);
    expect(io.out()).toMatchInlineSnapshot(`
      "stack  cluster  url                     istio   kubernetes  age  memory   last verdict
      alice  running  http://127.0.0.1:23456  1.31.1  1.36.1      3 h  2.1 GiB  pass, 0 s ago
      bob    paused   http://127.0.0.1:23456  1.31.1  1.34.2      3 d  -        never proven
      carol  absent   http://127.0.0.1:23456  1.31.1  -           -    -        never proven
      ! bob is paused: npm run lab -- resume --stack bob
      "
    `);
    expect(exec.calls.filter((call) => call.startsWith("docker stats"))).toEqual([
      "docker stats --no-stream --format {{.Name}} {{.MemUsage}} ambient-lab-alice-worker ambient-lab-alice-control-plane",
    ]);
  });

  test("answers in JSON with numbers, and without what is not known", async () => {
    const { io } = world(["bob", "carol"]);
    expect(await run(["list", "--json"], io)).toBe(0);
    const lab = { url: "http://127.0.0.1:23456", lastUpdate: "2026-11-23T10:00:00Z", resources: 29 };
    expect(JSON.parse(io.out())).toEqual([
      {
        ...{ ...lab, stack: "bob", cluster: "paused", madeAt: "2026-11-20T12:00:00.000Z" },
        versions: { istio: "1.31.1", kubernetes: "1.34.2" },
      },
      { ...lab, stack: "carol", cluster: "absent", versions: { istio: "1.31.1" } },
    ]);
  });

  test("looks at no container for a lab on somebody else's cluster", async () => {
    const { engine, io } = world(["alice"]);
    engine.stackOutputs = { ...engine.stackOutputs, settings: { cluster: "existing" } };
    expect(await run(["list", "--json"], io)).toBe(0);
    const [lab] = JSON.parse(io.out());
    expect([lab.cluster, lab.memoryBytes, lab.madeAt]).toEqual(["existing", undefined, undefined]);
  });

  test("does not take a Docker that is away for labs that are gone", async () => {
    const { io } = world(["alice"], { ...fitMachine, "docker ps": { code: 1, stderr: "Cannot connect" } });
    expect(await run(["list"], io)).toBe(0);
    expect(io.out()).toMatch(/^alice {2}unknown {2}/m);
  });

  test("does without evidence that it cannot read", async () => {
    const folder = join(home, "evidence", "bob", "2026");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "report.json"), '{"schema":"ambient-lab.verify/v9"}');
    const { io } = world(["bob"]);
    expect(await run(["list"], io)).toBe(0);
    expect(io.out()).toContain("never proven");
  });

  test("shows how to create the first lab", async () => {
    const { io } = world([]);
    expect(await run(["list"], io)).toBe(0);
    expect(io.out()).toBe("There is no lab yet. Make one: npm run up\n");
  });
});
