import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { run } from "../../../../cli/run";
import { stackDir } from "../../../../host/paths";
import { clearWorkshop, ownerFile, requireFree, workshopOf } from "../../../../tools/bench/workshop";
import { checkout, fakeExec, fakeIo, fitMachine, ownLabHome } from "../../cli/world";

beforeEach(() => void ownLabHome());
const workshop = () => workshopOf("bench");
const nodesOf = (cluster: string) => `docker ps --all --quiet --filter label=io.x-k8s.kind.cluster=${cluster}`;

function leftBehind(): void {
  mkdirSync(workshop().folder, { recursive: true });
  writeFileSync(ownerFile(workshop()), "4711\n");
  mkdirSync(stackDir("bench"), { recursive: true });
}

describe("requireFree()", () => {
  test.each([
    ["a cluster", { [nodesOf("ambient-lab-bench")]: "id1\nid2" }, 'cluster "ambient-lab-bench"'],
    ["a network", { "docker network ls": "bridge\nambient-lab-bench" }, 'network "ambient-lab-bench"'],
  ])("does not touch %s that it did not make", async (_, answers, words) => {
    const exec = fakeExec({ ...fitMachine, ...answers });
    const io = fakeIo({ exec });
    expect(await run(["bench"], io)).toBe(2);
    expect(io.err()).toContain(`something of a lab "bench" already: ${words}`);
    expect(exec.calls.filter((call) => /^(docker (rm|network rm)|kind|pulumi)/.test(call))).toEqual([]);
  });

  test("does not touch the files of a lab", async () => {
    mkdirSync(stackDir("bench"), { recursive: true });
    const io = fakeIo();
    expect(await run(["bench"], io)).toBe(2);
    expect(existsSync(stackDir("bench"))).toBe(true);
  });

  test("leaves a benchmark alone that is at work", async () => {
    leftBehind();
    const exec = fakeExec({ ...fitMachine, "ps -p 4711": "node cli/bootstrap.cjs bench --rounds 3" });
    const io = fakeIo({ exec });
    expect(await run(["bench"], io)).toBe(1);
    expect(io.err()).toContain("runs already (pid 4711)");
    expect(existsSync(workshop().folder)).toBe(true);
  });

  test("removes what a killed one left: nodes, networks, files", async () => {
    leftBehind();
    const answers = {
      [nodesOf("ambient-lab-bench-script")]: "id1\nid2",
      "docker network ls": "bridge\nambient-lab-bench",
    };
    const exec = fakeExec({ ...fitMachine, ...answers, "docker rm": "", "docker network rm": "" });
    const said: string[] = [];
    const io = fakeIo({ exec });
    await clearWorkshop(workshop(), { exec: io.exec, say: (line) => said.push(line) });
    expect(exec.calls).toContain("docker rm --force --volumes id1 id2");
    expect(exec.calls).toContain("docker network rm ambient-lab-bench");
    expect([existsSync(workshop().folder), existsSync(stackDir("bench"))]).toEqual([false, false]);
    await requireFree(workshop(), { exec: fakeExec(fitMachine), say: (line) => said.push(line) });
    expect(said).toEqual(['Cluster "ambient-lab-bench-script" of the benchmark is removed']);
  });
});

describe("bench", () => {
  test.each([
    [["--config", "faultPercnt=3"], 'Config key "faultPercnt" does not exist'],
    [
      ["--config", "cluster=existing", "kubeconfig=/k", "context=c", "appImage=r.test/a:1"],
      'asked for "cluster: existing"',
    ],
    [["--rounds", "0"], "a whole number from 1 to 100"],
    [["--only", "everything"], "Allowed choices are up, again, flip"],
  ])("refuses %j and leaves nothing", async (args, words) => {
    const root = checkout();
    const io = fakeIo({ root });
    expect(await run(["bench", ...args], io)).toBe(2);
    expect(io.err()).toContain(words);
    expect(existsSync(workshop().folder)).toBe(false);
    expect(existsSync(join(root, "Pulumi.bench.yaml"))).toBe(false);
  });
});
