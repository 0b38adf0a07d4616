import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { readConfig } from "../../../../cli/stack/settings";
import type { Exec } from "../../../../host/exec";
import { labHome, stackDir } from "../../../../host/paths";
import { bench } from "../../../../tools/bench/command";
import { historyFile } from "../../../../tools/bench/measure";
import { checkout, fakeExec, fakeIo, fitMachine, ownLabHome } from "../../cli/world";

beforeEach(() => void ownLabHome());

const work = () => join(labHome(), "bench", "work-bench");
const dependencies = { dependencies: { "@pulumi/pulumi": "3" }, devDependencies: { "@types/node": "20" } };
const root = () =>
  checkout({ "package.json": JSON.stringify(dependencies), "package-lock.json": '{ "packages": {} }' });

/** A machine whose programs succeed at once. The engine updates a resource when the policy in the settings has changed. */
function machine(folder: string, { ignoresPolicy = false, onUp = () => {} } = {}): Exec & { calls: string[] } {
  const answers = fakeExec({
    ...fitMachine,
    ...{ "helm version": "v3.19.0", "npm install": "", "pulumi up": "", "pulumi preview": "", "pulumi destroy": "" },
    ...{ "pulumi stack init": "", "pulumi stack export": '{"deployment":{"resources":[]}}' },
    ...{ "docker inspect": "kindest/node:v1", "kind delete": "", sh: "", git: "abc" },
    [`node ${folder}`]: "",
  });
  let applied = "";
  const exec: Exec = async (file, args, options) => {
    const result = await answers(file, args, options);
    if (basename(file) !== "pulumi" || args[0] !== "up" || !args.includes(folder)) return result;
    const callers = String(readConfig(folder, "bench").allowedCallers);
    const changed = callers !== applied && !ignoresPolicy;
    applied = callers;
    onUp();
    return { ...result, stdout: `Resources:\n    ${changed ? "~ 1 updated\n    " : ""}54 unchanged\n` };
  };
  return Object.assign(exec, { calls: answers.calls });
}

/** Whether files of a benchmark are left. */
const left = (folder: string) => [work(), stackDir("bench"), join(folder, "Pulumi.bench.yaml")].filter(existsSync);

describe("npm run bench", () => {
  test("measures lab and baselines on a stack, state and settings of its own, keeps the run and leaves nothing", async () => {
    const folder = root();
    const exec = machine(folder);
    const environments = new Set<string | undefined>();
    const watched: Exec = (file, args, options) => {
      if (basename(file) === "pulumi" && args[0] !== "version") environments.add(options?.env?.PULUMI_BACKEND_URL);
      return exec(file, args, options);
    };
    const io = fakeIo({ root: folder, exec: watched });
    expect(await bench(["--rounds", "2", "--json"], io), io.err()).toBe(0);
    const run = JSON.parse(io.out());
    const counts = Object.entries<number[]>(run.samples).map(([name, values]) => [name, values.length]);
    expect(Object.fromEntries(counts)).toEqual({
      ...{ up: 1, destroy: 1, script: 1, "kind-delete": 1 },
      ...{ preview: 2, "empty-preview": 2, "empty-up": 2, again: 2, flip: 2 },
    });
    expect(run.rows).toHaveLength(5);
    expect(JSON.parse(readFileSync(historyFile(), "utf8"))).toEqual(run);
    expect([...environments]).toEqual([`file://${join(work(), "state")}`]);
    const engine = exec.calls.filter((call) => /^pulumi (up|preview|destroy)/.test(call));
    expect(engine.every((call) => call.includes("--stack bench"))).toBe(true);
    expect(exec.calls.filter((call) => call.startsWith("node "))).toEqual([
      `node ${folder}/cli/bootstrap.cjs up --yes --quiet --stack bench --no-verify`,
      `node ${folder}/cli/bootstrap.cjs destroy --yes --quiet --stack bench`,
    ]);
    expect(left(folder)).toEqual([]);
  });

  test("does not time a policy change that did not reach the cluster", async () => {
    const folder = root();
    const io = fakeIo({ root: folder, exec: machine(folder, { ignoresPolicy: true }) });
    expect(await bench(["--only", "flip"], io)).toBe(1);
    expect(io.err()).toContain("pulumi up updated no resource");
    expect([...left(folder), existsSync(historyFile())]).toEqual([false]);
  });

  test("removes the lab after an interrupt, and keeps no time", async () => {
    const folder = root();
    const controller = new AbortController();
    const exec = machine(folder, {
      onUp: () => {
        mkdirSync(stackDir("bench"), { recursive: true });
        controller.abort();
      },
    });
    const io = fakeIo({ root: folder, exec, signal: controller.signal });
    expect(await bench([], io)).toBe(1);
    expect(io.err()).toContain("What  The benchmark was interrupted");
    expect(exec.calls).toContain(`node ${folder}/cli/bootstrap.cjs destroy --yes --quiet --stack bench`);
    expect(existsSync(historyFile())).toBe(false);
  });

  test.each([
    ["misses a target", "0", 1],
    ["is within its targets", "40", 0],
  ])("--check judges a lab that %s", async (_, delayMs, code) => {
    const folder = root();
    const exec = machine(folder);
    // The baseline of the preview takes longer than the lab's in one case, and less in the other.
    const slow: Exec = async (file, args, options) => {
      const empty = args.includes(join(work(), "empty"));
      if (args[0] === "preview") await new Promise((resolve) => setTimeout(resolve, empty ? Number(delayMs) : 20));
      return exec(file, args, options);
    };
    const io = fakeIo({ root: folder, exec: slow });
    expect(await bench(["--only", "preview", "--check"], io), io.err()).toBe(code);
    expect(io.out()).toContain(code === 0 ? "✓" : "✗ missed");
  });
});

describe("npm run bench refuses", () => {
  test.each([
    ["a cluster", { "docker ps": "running ambient-lab-bench 127.0.0.1:1->1/tcp" }, 'cluster "ambient-lab-bench"'],
    ["files", {}, "stacks/bench"],
  ])("%s of a lab that it did not make", async (what, answers, words) => {
    if (what === "files") mkdirSync(stackDir("bench"), { recursive: true });
    const exec = fakeExec({ ...fitMachine, "helm version": "v3", ...answers });
    const io = fakeIo({ exec, root: root() });
    expect(await bench([], io)).toBe(2);
    expect(io.err()).toContain('What  A lab "bench" exists already');
    expect(io.err()).toContain(words);
    expect(exec.calls.filter((call) => /^(docker (rm|network rm)|kind delete|pulumi|node)/.test(call))).toEqual([]);
  });

  test("a stack on which another benchmark runs", async () => {
    mkdirSync(work(), { recursive: true });
    writeFileSync(join(work(), "pid"), String(process.pid));
    const folder = root();
    const io = fakeIo({ exec: machine(folder), root: folder });
    expect(await bench([], io)).toBe(1);
    expect(io.err()).toContain(`runs already (process ${process.pid})`);
    // A process that is gone is no obstacle: its lab is removed first.
    writeFileSync(join(work(), "pid"), "99999999");
    expect(await bench(["--only", "preview"], io), io.err()).toBe(0);
    expect(io.err()).toContain("a benchmark that was killed is removed");
  });

  test.each([
    [["--config", "faultPercnt=3"], 'Config key "faultPercnt" does not exist'],
    [["--config", "cluster=existing", "kubeconfig=/k", "context=c", "appImage=r.test/a:1"], '"cluster: existing"'],
    [["--rounds", "0"], "a whole number from 1 to 100"],
    [["--only", "everything"], "Allowed choices are up, again, flip"],
  ])("%j, and makes nothing", async (args, words) => {
    const folder = root();
    const io = fakeIo({ root: folder, exec: machine(folder) });
    expect(await bench(args, io)).toBe(2);
    expect(io.err()).toContain(words);
    expect(left(folder)).toEqual([]);
  });

  test("options that npm took for itself", async () => {
    const env = { npm_lifecycle_event: "bench", npm_config_rounds: "1", npm_config_check: "true" };
    const io = fakeIo({ env });
    expect(await bench([], io)).toBe(2);
    expect(io.err()).toContain("npm run bench -- --rounds 1 --check");
  });
});
