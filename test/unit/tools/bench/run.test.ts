import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { run } from "../../../../cli/run";
import { readConfig } from "../../../../cli/stack/settings";
import type { Exec } from "../../../../host/exec";
import { stackDir } from "../../../../host/paths";
import { benchHome, pastRuns, thisMachine } from "../../../../tools/bench/history";
import { workshopOf } from "../../../../tools/bench/workshop";
import { checkout, fakeExec, fakeIo, fitMachine, ownLabHome } from "../../cli/world";

beforeEach(() => void ownLabHome());

const pods = [
  {
    metadata: { name: "istiod-1", namespace: "istio-system" },
    spec: { containers: [{ resources: { requests: { memory: "128Mi" } } }] },
  },
];
const network = {
  urn: "urn:pulumi:bench::ambient-lab::docker:index/network:Network::cluster-network",
  type: "docker:index/network:Network",
};
const kubectl =
  "docker exec --interactive ambient-lab-bench-control-plane kubectl --kubeconfig /etc/kubernetes/admin.conf";

/** A machine whose engine and tools succeed at once; the policy in its cluster follows the settings when they are applied. */
function machine({ deaf = false, onUp = () => {} } = {}): Exec & { calls: string[] } {
  const { settings, stack } = { settings: join(workshopOf("bench").folder, "settings"), stack: "bench" };
  const answers = fakeExec({
    ...fitMachine,
    "helm version": "v3.19.0",
    "pulumi stack init": "",
    "pulumi preview": '{"steps":[]}',
    "pulumi up": " +  docker:index:Network cluster-network created (0.10s)",
    "pulumi destroy": "",
    "pulumi stack export": JSON.stringify({ deployment: { resources: [network] } }),
    "docker network create": "",
    "docker inspect": "kindest/node:v1",
    "docker network rm": "",
    "docker stats": "512MiB / 7.7GiB",
    "kind delete": "",
    [`${kubectl} get nodes`]: "n1 n2",
    [`${kubectl} get --raw`]: { code: 1, stderr: "no metrics" },
    [`${kubectl} get pods`]: JSON.stringify({ items: pods }),
  });
  const seen: string[] = [];
  let generation = 1;
  const exec: Exec = async (file, args, options) => {
    if (basename(file) === "pulumi" && args[0] === "up" && options?.cwd !== join(workshopOf(stack).folder, "empty")) {
      const applied = String(readConfig(settings, stack).allowedCallers);
      if (applied !== seen.at(-1) && !deaf) generation += 1;
      seen.push(applied);
      onUp();
    }
    if (args.includes("AuthorizationPolicy")) return { command: "", code: 0, stdout: String(generation), stderr: "" };
    // Nothing real takes no time at all, and a ratio needs some.
    await delay(2);
    const result = await answers(file, args, options);
    for (const line of result.stdout.split("\n")) options?.onLine?.(line);
    return result;
  };
  return Object.assign(exec, { calls: answers.calls });
}

const files = () => checkout({ "package-lock.json": '{ "packages": {} }' });

describe("bench", () => {
  test("measures lab and floors, keeps the run, draws it and leaves nothing else", async () => {
    const exec = machine();
    const io = fakeIo({ root: files(), exec });
    expect(await run(["bench", "--rounds", "2", "--json"], io), io.err()).toBe(0);
    const told = JSON.parse(io.out()) as Record<string, unknown>;
    expect(told).toMatchObject({
      schema: "ambient-lab.bench/v1",
      installer: "helm",
      parts: { up: [{ name: "start" }, { name: "cluster-network" }] },
      memory: { pods: [{ name: "istiod-1", requestedMiB: 128 }], nodesMiB: 512 },
    });
    const { samples } = told as { samples: Record<string, number[]> };
    expect(Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, values.length]))).toEqual({
      ...{ up: 1, destroy: 1, script: 1, "kind-delete": 1 },
      ...{ preview: 2, "empty-preview": 2, "empty-up": 2, again: 2, flip: 2 },
    });
    expect(pastRuns(thisMachine().id)).toEqual([told]);
    expect(readFileSync(join(benchHome(), "up.svg"), "utf8")).toContain("cluster-network");
    expect([existsSync(workshopOf("bench").folder), existsSync(stackDir("bench"))]).toEqual([false, false]);
  });

  test("asks the engine of the benchmark's own stack, settings and state alone", async () => {
    const exec = machine();
    const envs: (string | undefined)[] = [];
    const watched: Exec = (file, args, options) => {
      if (basename(file) === "pulumi" && args[0] !== "version") envs.push(options?.env?.PULUMI_BACKEND_URL);
      return exec(file, args, options);
    };
    expect(await run(["bench", "--rounds", "1"], fakeIo({ root: files(), exec: watched }))).toBe(0);
    expect(new Set(envs)).toEqual(new Set([`file://${join(workshopOf("bench").folder, "state")}`]));
    const lab = exec.calls.filter(
      (call) => /^pulumi (up|preview|destroy)/.test(call) && call.includes("--config-file"),
    );
    expect(lab.length).toBeGreaterThan(4);
    for (const call of exec.calls.filter((each) => /^pulumi (up|preview|destroy)/.test(each))) {
      expect(call).toContain("--stack bench");
    }
    for (const call of exec.calls.filter((each) => each.startsWith("kind delete"))) {
      expect(call).toContain(`--kubeconfig ${workshopOf("bench").folder}`);
    }
  });

  test("does not time a flip that never reached the cluster", async () => {
    const io = fakeIo({ root: files(), exec: machine({ deaf: true }) });
    expect(await run(["bench", "--only", "flip"], io)).toBe(1);
    expect(io.err()).toContain("What  The policy flip was applied, and the cluster's policy is the one from before");
    expect(pastRuns(thisMachine().id)).toEqual([]);
  });

  test("removes what it made when it is interrupted, and keeps no number", async () => {
    const controller = new AbortController();
    const exec = machine({
      onUp: () => {
        mkdirSync(stackDir("bench"), { recursive: true });
        writeFileSync(join(stackDir("bench"), "kubeconfig"), "");
        controller.abort();
      },
    });
    const io = fakeIo({ root: files(), exec, signal: controller.signal });
    expect(await run(["bench"], io)).toBe(1);
    expect(io.err()).toContain("What  The benchmark was interrupted");
    expect([existsSync(workshopOf("bench").folder), existsSync(stackDir("bench"))]).toEqual([false, false]);
    expect(pastRuns(thisMachine().id)).toEqual([]);
  });
});

describe("bench --check", () => {
  test.each([
    ["fails on a missed target", ["--check"], 1],
    ["is asked for", [], 0],
  ])("%s", async (_, args, code) => {
    const heavy = { resources: { requests: { memory: "2Gi" } } };
    pods.push({ metadata: { name: "heavy", namespace: "istio-system" }, spec: { containers: [heavy] } });
    const io = fakeIo({ root: files(), exec: machine() });
    expect(await run(["bench", "--only", "memory", ...args], io)).toBe(code);
    expect(io.out()).toContain("✗ missed");
    pods.pop();
  });
});
