import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { StackState } from "../../../cli/engine/types";
import { run } from "../../../cli/run";
import { markSettings } from "../../../cli/stack/settings";
import type { Exec } from "../../../host/exec";
import { type ClusterAddress, ownCluster, stackDir } from "../../../host/paths";
import { startCluster } from "../../support/cluster";
import { checkout, FakeEngine, fakeExec, fakeIo, fitMachine, ownLabHome, urnOf } from "./world";

ownLabHome();

describe("destroy", () => {
  test("leaves neither stack, nor folder, nor a settings file of ours", async () => {
    const root = checkout({ "Pulumi.alice.yaml": "encryptionsalt: v1:abc\n" });
    markSettings(root, "alice");
    const engine = new FakeEngine(["alice"]);
    mkdirSync(stackDir("alice"), { recursive: true });
    const io = fakeIo({ root, engine });
    expect(await run(["destroy", "--stack", "alice", "--yes"], io)).toBe(0);
    expect(engine.calls.slice(-2)).toEqual(["destroy", "remove"]);
    expect(existsSync(stackDir("alice"))).toBe(false);
    expect(existsSync(join(root, "Pulumi.alice.yaml"))).toBe(false);
    expect(io.out()).toContain('Lab "alice" is gone.');
  });

  test("says that the registries' caches stay, where the stack used them", async () => {
    const left = async (config: string) => {
      const io = fakeIo({ root: checkout({ "Pulumi.alice.yaml": config }), engine: new FakeEngine(["alice"]) });
      expect(await run(["destroy", "--stack", "alice", "--yes"], io)).toBe(0);
      return io.err();
    };
    expect(await left("config:\n  ambient-lab:imageCache: true\n")).toContain("caches stay for other labs");
    expect(await left("config: {}\n")).not.toContain("caches");
  });

  test("wants --yes where nobody can answer, and takes no for an answer", async () => {
    const engine = new FakeEngine(["alice"]);
    expect(await run(["destroy", "--stack", "alice"], fakeIo({ engine }))).toBe(2);
    expect(await run(["destroy", "--stack", "alice"], fakeIo({ engine, confirm: async () => false }))).toBe(2);
    expect(engine.calls).toEqual([]);
  });

  test("keeps the files of a lab of the same name that has its state in another backend", async () => {
    const config = ["cluster: existing", "kubeconfig: /nowhere/k", "context: c", "appImage: registry.test/a:1"];
    const root = checkout({
      "Pulumi.alice.yaml": `config:\n${config.map((each) => `  ambient-lab:${each}\n`).join("")}`,
    });
    const folder = stackDir("alice");
    mkdirSync(folder, { recursive: true });
    const destroyed = async (backend: string) => {
      writeFileSync(join(folder, "cluster"), `ambient-lab-alice id-1 ${backend}\n`);
      const io = fakeIo({ root, engine: new FakeEngine(["alice"]) });
      expect(await run(["destroy", "--stack", "alice", "--yes"], io)).toBe(0);
      return { stays: existsSync(folder), said: io.err() };
    };
    expect(await destroyed("s3://theirs")).toEqual({
      stays: true,
      said: expect.stringContaining(`${folder} stays: it holds the files of the lab with the state in s3://theirs`),
    });
    expect(await destroyed(`file://${userInfo().homedir}`)).toMatchObject({ stays: false });
  });

  describe("looks for what Istio leaves", () => {
    const existing = ["cluster: existing", "kubeconfig: /nowhere/k", "context: c", "appImage: registry.test/a:1"];
    const settings = `config:\n${existing.map((each) => `  ambient-lab:${each}\n`).join("")}`;
    const destroyed = async (resources: StackState["resources"], config = settings) => {
      const engine = new FakeEngine(["alice"]);
      engine.stackState = { resources, pending: [] };
      const io = fakeIo({ root: checkout({ "Pulumi.alice.yaml": config }), engine });
      expect(await run(["destroy", "--stack", "alice", "--yes"], io)).toBe(0);
      return io.err();
    };
    const release = (name: string) => ({ urn: urnOf(name), type: "kubernetes:helm.sh/v3:Release", inputs: { name } });
    const providerOf = ({ kubeconfig, context }: ClusterAddress) => {
      return { urn: urnOf("p"), type: "pulumi:providers:kubernetes", inputs: { kubeconfig, context } };
    };
    const there = providerOf({ kubeconfig: "/nowhere/k", context: "c" });

    test("in an existing cluster, and only when the stack had installed it", async () => {
      expect(await destroyed([there, release("istiod")])).toContain("no cluster answers");
      expect(await destroyed([there, release("kiali")])).not.toContain("What Istio leaves");
    });

    test("where the lab was, and not where the configuration would have it by now", async () => {
      const other = await startCluster();
      other.put("apis/apps/v1/deployments?labelSelector=app%3Distiod", { items: [] });
      const moved = settings.replace("/nowhere/k", other.kubeconfig).replace("context: c", `context: ${other.context}`);
      try {
        expect(await destroyed([there, release("istiod")], moved)).toContain("no cluster answers");
        expect(await destroyed([there, release("istiod")], "config: {}\n")).toContain("no cluster answers");
        expect(other.asked).toEqual([]);
      } finally {
        await other.close();
      }
    });

    test("not in a cluster that goes with the lab", async () => {
      const own = providerOf(ownCluster("alice"));
      expect(await destroyed([own, release("istiod")], "config: {}\n")).not.toContain("What Istio leaves");
    });
  });

  test("forgets nothing while Docker is silent", async () => {
    const engine = new FakeEngine();
    mkdirSync(stackDir("alice"), { recursive: true });
    const down = { code: 1, stderr: "Cannot connect to the Docker daemon" };
    const exec = fakeExec({ ...fitMachine, "docker version": down, "docker network": down, "docker ps": down });
    const io = fakeIo({ engine, exec });
    expect(await run(["destroy", "--stack", "alice", "--yes"], io)).toBe(4);
    expect(io.out()).not.toContain("There is no lab");
    expect(existsSync(stackDir("alice"))).toBe(true);
  });

  test("does not begin after an interrupt", async () => {
    const controller = new AbortController();
    const engine = new FakeEngine(["alice"]);
    const interrupted: Exec = async (file, args) => {
      if (args[0] === "version") controller.abort("signal");
      return fakeExec(fitMachine)(file, args);
    };
    const io = fakeIo({ engine, exec: interrupted, signal: controller.signal });
    expect(await run(["destroy", "--stack", "alice", "--yes"], io)).not.toBe(0);
    expect(engine.calls).toEqual([]);
    expect(io.err()).not.toContain("error is unexpected");
  });

  const failing = () => {
    const engine = new FakeEngine(["alice"]);
    engine.steps = [{ op: "delete", path: "docker:index/network:Network::cluster-network", fails: "no such network" }];
    return engine;
  };
  test("drops the state when Docker has lost everything", async () => {
    const engine = failing();
    expect(await run(["destroy", "--stack", "alice", "--yes"], fakeIo({ engine }))).toBe(0);
    expect(engine.calls).toEqual(["destroy", "remove --force"]);
  });
  test("keeps the state while a node is still there", async () => {
    const engine = failing();
    const left = "docker ps --all --filter label=io.x-k8s.kind.cluster=ambient-lab-alice --format {{.ID}}";
    const exec = fakeExec({ ...fitMachine, [left]: "abc123" });
    const io = fakeIo({ engine, exec });
    expect(await run(["destroy", "--stack", "alice", "--yes"], io)).toBe(1);
    expect(io.err()).toContain('What  Network "cluster-network": no such network');
    expect(engine.calls).toEqual(["destroy"]);
  });
  test("waits for the kind of a killed run before it deletes", async () => {
    const engine = new FakeEngine(["alice"]);
    engine.stackState = { resources: [], pending: [{ type: "creating", resource: { urn: "u", type: "t" } }] };
    const orphan = " 64 1 kind create cluster --name ambient-lab-alice --image x";
    const tables = [orphan, ""];
    const machine = fakeExec(fitMachine);
    const exec: Exec = async (file, args) =>
      file === "ps" ? { command: "ps", code: 0, stdout: tables.shift() ?? "", stderr: "" } : machine(file, args);
    const io = fakeIo({ engine, exec });
    expect(await run(["destroy", "--stack", "alice", "--yes"], io)).toBe(0);
    expect(io.err()).toContain("Waiting for plugins of a killed run: kind (pid 64)");
    expect(engine.calls).toEqual(["takeLock", "forgetPending", "destroy", "remove"]);
  });
  test("is content with a stack that does not exist", async () => {
    const io = fakeIo();
    expect(await run(["destroy", "--stack", "alice", "--yes"], io)).toBe(0);
    expect(io.out()).toBe('There is no lab "alice".\n');
  });
});
