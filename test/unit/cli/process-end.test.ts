import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { startCluster, type TestCluster } from "../../support/cluster";
import { declaredLab } from "../verify/fake/declared";
import { scriptedPulumi } from "./scripted-pulumi";
import { checkout } from "./world";

const root = resolve(__dirname, "../../..");
const patience = { timeout: 180_000, interval: 20 };

/** What was started and has not ended. */
const alive = new Set<number>();
afterEach(() => {
  for (const pid of alive) process.kill(-pid, "SIGKILL");
});

interface Started {
  /** Sends SIGHUP to the process and to what it has started, as a terminal does that is closed; SIGTERM to it alone. */
  end(signal: "SIGTERM" | "SIGHUP"): void;
  /** Closes the reading end of both pipes, as `head` does when it has enough. */
  closePipes(): void;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; text: string }>;
}

/** Starts a script of this repository in a process group of its own. */
function start(script: string, args: readonly string[], env: NodeJS.ProcessEnv, stderr?: number): Started {
  const child = spawn(process.execPath, ["--require", "@swc-node/register", join(root, script), ...args], {
    ...{ cwd: root, detached: true, env: { ...process.env, ...env } },
    stdio: ["ignore", "pipe", stderr ?? "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (text += chunk));
  const { pid } = child;
  if (pid === undefined) throw new Error(`Cannot start ${script}`);
  alive.add(pid);
  child.once("exit", () => alive.delete(pid));
  return {
    end: (signal) => void process.kill(signal === "SIGHUP" ? -pid : pid, signal),
    closePipes: () => {
      child.stdout?.destroy();
      child.stderr?.destroy();
    },
    ended: once(child, "exit").then(([code, signal]) => ({ code, signal, text })),
  };
}

const newFolder = () => mkdtempSync(join(tmpdir(), "lab-end-"));
const appears = (path: string) => vi.waitFor(() => expect(existsSync(path), path).toBe(true), patience);

describe("verify, while it has changed a policy", () => {
  const declared = join(newFolder(), "declared.json");
  beforeAll(async () => writeFileSync(declared, JSON.stringify(await declaredLab())));
  const verify = (folder: string, stderr?: number) =>
    start("test/unit/cli/verify-process.ts", [folder, declared], {}, stderr);

  test.each(["SIGTERM", "SIGHUP"] as const)(
    "puts it back on %s",
    async (signal) => {
      const folder = newFolder();
      const { end, ended } = verify(folder);
      await appears(join(folder, "changed"));
      end(signal);
      const { code, text } = await ended;
      expect(readdirSync(folder)).toEqual(["changed", "restored"]);
      expect(code).toBe(1);
      expect(text).toContain('What  "verify" was interrupted');
      expect(text).not.toMatch(/\n\s+at /);
    },
    180_000,
  );

  // write(2): EPIPE, for Node.js ignores SIGPIPE (node v20, src/node.cc, ResetSignalHandlers()).
  test("puts it back when the reader of its output has gone", async () => {
    const folder = newFolder();
    const { closePipes, ended } = verify(folder);
    await appears(join(folder, "changed"));
    closePipes();
    writeFileSync(join(folder, "go"), "");
    expect(await ended).toMatchObject({ code: 1, signal: null });
    expect(readdirSync(folder)).toEqual(["changed", "go", "restored"]);
  }, 180_000);

  // A write to a file throws, where one to a pipe emits an event: EBADF of a file that is open for reading alone (write(2)),
  // as ENOSPC on a full disk.
  test("puts it back when its log cannot be written", async () => {
    const folder = newFolder();
    const log = openSync(__filename, "r");
    const { ended } = verify(folder, log);
    closeSync(log);
    await appears(join(folder, "changed"));
    writeFileSync(join(folder, "go"), "");
    expect(await ended).toMatchObject({ code: 1, signal: null });
    expect(readdirSync(folder)).toEqual(["changed", "go", "restored"]);
  }, 180_000);
});

describe("up, while the engine is at work", () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster.close());

  // pulumi/pulumi v3.259.0, pkg/backend/cancellation_scope.go: SIGINT and SIGTERM cancel an update, SIGHUP ends the engine.
  test.each(["SIGTERM", "SIGHUP"] as const)(
    "has it end in an orderly way on %s",
    async (signal) => {
      const pulumi = scriptedPulumi({ resources: [], pending: [] });
      const settings = {
        cluster: "existing",
        kubeconfig: cluster.kubeconfig,
        context: "lab",
        appImage: "registry.test/a:1",
      };
      const lines = Object.entries(settings).map(([key, value]) => `  ambient-lab:${key}: ${value}\n`);
      const folder = checkout({ "Pulumi.alice.yaml": `config:\n${lines.join("")}` });
      const env = {
        PATH: `${pulumi.bin}:${process.env.PATH}`,
        AMBIENT_LAB_HOME: newFolder(),
        PULUMI_BACKEND_URL: "file:///nowhere",
      };
      const args = [folder, "up", "--stack", "alice", "--yes", "--no-verify"];
      const { end, ended } = start("test/support/lab-in.ts", args, env);
      await vi.waitFor(() => expect(pulumi.calls().at(-1)).toMatch(/^up /), patience);
      end(signal);
      const { code, text } = await ended;
      expect(pulumi.calls().at(-1)).toBe("cancelled");
      expect(text).toContain('What  "up" was interrupted');
      expect(text).not.toMatch(/\n\s+at /);
      expect(code).toBe(1);
    },
    180_000,
  );
});

test("a command that has answered ends quietly when nothing reads its answer", async () => {
  const pulumi = scriptedPulumi({ resources: [], pending: [] });
  const log = join(newFolder(), "stderr");
  const stderr = openSync(log, "w");
  const env = { PATH: `${pulumi.bin}:${process.env.PATH}`, AMBIENT_LAB_HOME: newFolder() };
  const { closePipes, ended } = start("test/support/lab-in.ts", [checkout(), "list", "--stack", "alice"], env, stderr);
  closeSync(stderr);
  closePipes();
  expect(await ended).toMatchObject({ code: 0, signal: null });
  expect(readFileSync(log, "utf8")).toBe("");
}, 180_000);
