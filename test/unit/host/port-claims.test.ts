import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { choosePorts } from "../../../cli/stack/prepare";
import { parseConfig } from "../../../config/load";
import { claimPort, unclaimPort } from "../../../host/port-claims";
import { derivedPort } from "../../../host/ports";
import { fakeExec, fakeIo } from "../cli/world";

const root = resolve(__dirname, "../../..");
const children: ChildProcess[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

function ownFolder(): string {
  const home = mkdtempSync(join(tmpdir(), "lab-ports-"));
  vi.stubEnv("AMBIENT_LAB_HOME", home);
  return join(home, "ports");
}

/** Starts a process that claims ports for a cluster; resolves with them while it lives on. */
async function claims(
  cluster: string,
  count: number,
  first = 20_000,
): Promise<{ child: ChildProcess; ports: number[] }> {
  const script = join(root, "test/support/claim-ports.ts");
  const child = spawn(process.execPath, ["--require", "@swc-node/register", script, cluster, `${count}`, `${first}`], {
    ...{ cwd: root, env: process.env, stdio: ["ignore", "pipe", "inherit"] },
  });
  children.push(child);
  let text = "";
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk);
    if (text.endsWith("\n")) break;
  }
  return { child, ports: JSON.parse(text) as number[] };
}

test("two processes at one time never claim one port, and what a killed one claimed is free again", async () => {
  ownFolder();
  const count = 150;
  const [one, other] = await Promise.all([claims("ambient-lab-one", count), claims("ambient-lab-other", count)]);
  const all = [...one.ports, ...other.ports];
  expect(all.filter((port) => typeof port === "number")).toHaveLength(2 * count);
  expect(new Set(all).size).toBe(2 * count);
  const [port = 0] = one.ports;
  expect(claimPort(port, "ambient-lab-third")).toBe(false);
  one.child.kill("SIGKILL");
  await once(one.child, "exit");
  expect(one.ports.map((each) => claimPort(each, "ambient-lab-third"))).toEqual(one.ports.map(() => true));
  expect(claimPort(other.ports[0] ?? 0, "ambient-lab-third")).toBe(false);
}, 120_000);

test("a second command of the same stack may claim the port: the engine's lock decides between them", async () => {
  ownFolder();
  const { ports } = await claims("ambient-lab-dev", 1);
  expect(claimPort(ports[0] ?? 0, "ambient-lab-dev")).toBe(true);
}, 120_000);

test("a stack whose own port another stack has claimed gets the next one, before anything listens there", async () => {
  ownFolder();
  const session = { io: fakeIo({ exec: fakeExec({ docker: "" }) }), stack: "dev", config: parseConfig({}) };
  const own = derivedPort("dev");
  const other = await claims("ambient-lab-other", 1, own);
  expect(other.ports).toEqual([own]);
  expect(await choosePorts(session)).toEqual({ httpPort: own + 1 });
}, 120_000);

test("a claim that is given up leaves nothing", () => {
  const folder = ownFolder();
  expect(claimPort(20_000, "ambient-lab-dev")).toBe(true);
  unclaimPort(20_000, "ambient-lab-dev");
  expect(readdirSync(folder)).toEqual([]);
});
