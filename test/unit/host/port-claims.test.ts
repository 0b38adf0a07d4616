import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { choosePorts } from "../../../cli/stack/prepare";
import { processIo } from "../../../cli/terminal/process-io";
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

/** A folder of labs, such as each user has. */
const newHome = () => mkdtempSync(join(tmpdir(), "lab-ports-"));

/** The folder that the processes of a test share, as those of a machine do. */
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lab-claims-"));
});

/** Starts a process that claims ports for a cluster; resolves with them while it lives on. */
async function claims(
  cluster: string,
  { count = 1, first = 20_000, home = newHome() } = {},
): Promise<{ child: ChildProcess; ports: number[] }> {
  const script = join(root, "test/support/claim-ports.ts");
  const child = spawn(
    process.execPath,
    ["--require", "@swc-node/register", script, cluster, `${count}`, `${first}`, folder],
    {
      ...{ cwd: root, env: { ...process.env, AMBIENT_LAB_HOME: home }, stdio: ["ignore", "pipe", "inherit"] },
    },
  );
  children.push(child);
  let text = "";
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk);
    if (text.endsWith("\n")) break;
  }
  return { child, ports: JSON.parse(text) as number[] };
}

test("two processes with folders of their own never claim one port, and what a killed one claimed is free again", async () => {
  vi.stubEnv("AMBIENT_LAB_HOME", newHome());
  const count = 150;
  const [one, other] = await Promise.all([
    claims("ambient-lab-one", { count }),
    claims("ambient-lab-other", { count }),
  ]);
  const all = [...one.ports, ...other.ports];
  expect(all.filter((port) => typeof port === "number")).toHaveLength(2 * count);
  expect(new Set(all).size).toBe(2 * count);
  const [port = 0] = one.ports;
  expect(claimPort(port, "ambient-lab-third", folder)).toBe(false);
  one.child.kill("SIGKILL");
  await once(one.child, "exit");
  expect(one.ports.map((each) => claimPort(each, "ambient-lab-third", folder))).toEqual(one.ports.map(() => true));
  expect(claimPort(other.ports[0] ?? 0, "ambient-lab-third", folder)).toBe(false);
}, 120_000);

test("a stack whose own port a stack of another folder has claimed gets the next one, before anything listens there", async () => {
  vi.stubEnv("AMBIENT_LAB_HOME", newHome());
  const stack = "dev";
  const session = {
    io: fakeIo({ exec: fakeExec({ docker: "" }), claimFolder: folder }),
    stack,
    config: parseConfig({}),
  };
  const first = derivedPort(stack);
  const other = await claims("ambient-lab-other", { first });
  expect(other.ports).toEqual([first]);
  expect(await choosePorts(session)).toEqual({ httpPort: first + 1 });
}, 120_000);

test("a claim that is given up leaves nothing, and one of a day ago counts no more", () => {
  vi.stubEnv("AMBIENT_LAB_HOME", newHome());
  const port = 20_000;
  expect(claimPort(port, "ambient-lab-dev", folder)).toBe(true);
  expect(claimPort(port, "ambient-lab-other", folder)).toBe(false);
  const yesterday = Date.now() / 1000 - 24 * 60 * 60;
  utimesSync(join(folder, readdirSync(folder)[0] ?? ""), yesterday, yesterday);
  expect(claimPort(port, "ambient-lab-other", folder)).toBe(true);
  unclaimPort(port, "ambient-lab-other", folder);
  expect(readdirSync(folder)).toEqual([]);
});

test("what a killed process of another user left is in nobody's way, although it cannot be removed", async () => {
  const dead = spawn(process.execPath, ["--version"]);
  await once(dead, "exit");
  // A folder cannot be removed either, also not by root.
  mkdirSync(join(folder, `ambient-lab-port.20000.${dead.pid}.0123456789abcdef.ambient-lab-other`));
  expect(claimPort(20_000, "ambient-lab-dev", folder)).toBe(true);
});

test("what a killed process with this one's id left does not age the claim", () => {
  vi.stubEnv("AMBIENT_LAB_HOME", newHome());
  const elsewhere = mkdtempSync(join(tmpdir(), "lab-claims-"));
  expect(claimPort(20_000, "ambient-lab-dev", elsewhere)).toBe(true);
  const file = join(folder, readdirSync(elsewhere)[0] ?? "");
  writeFileSync(file, "");
  utimesSync(file, 0, 0);
  expect(claimPort(20_000, "ambient-lab-dev", folder)).toBe(true);
  expect(claimPort(20_000, "ambient-lab-other", folder)).toBe(false);
});

test("a link of another user, which leads nowhere, ends no command", () => {
  const link = join(folder, `ambient-lab-port.20000.${process.ppid}.0123456789abcdef.ambient-lab-other`);
  symlinkSync(link, link);
  expect(claimPort(20_000, "ambient-lab-dev", folder)).toBe(false);
  expect(claimPort(20_001, "ambient-lab-dev", folder)).toBe(true);
});

test("the folder of the claims is one for all users of the machine", () => {
  for (const name of ["TMPDIR", "HOME", "AMBIENT_LAB_HOME"]) vi.stubEnv(name, newHome());
  const { claimFolder } = processIo();
  expect([claimFolder, statSync(claimFolder).mode & 0o1777]).toEqual(["/tmp", 0o1777]);
});
