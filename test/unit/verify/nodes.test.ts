import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nodePower, readSysctls } from "../../../verify/kube/nodes";

const { signal } = new AbortController();
const path = process.env.PATH;
let folder: string;

/** A Docker with one container of a cluster, which records the commands. */
function dockerWith(cluster: string, running: boolean): void {
  const script = [
    "#!/bin/sh",
    `echo "$*" >> ${folder}/calls`,
    'case "$1" in',
    `inspect) echo "${cluster} ${running} 2026-11-24T20:36:01.987654321Z" ;;`,
    "exec) echo 1024; echo 1048576 ;;",
    "*) echo ok ;;",
    "esac",
  ];
  writeFileSync(join(folder, "docker"), `${script.join("\n")}\n`);
  chmodSync(join(folder, "docker"), 0o755);
}

const calls = () =>
  existsSync(join(folder, "calls")) ? readFileSync(join(folder, "calls"), "utf8").trim().split("\n") : [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "docker-"));
  process.env.PATH = `${folder}${delimiter}${path}`;
});
afterEach(() => {
  process.env.PATH = path;
  rmSync(folder, { recursive: true });
});

describe("nodePower()", () => {
  const lab = nodePower({ clusterName: "ambient-lab-dev" });

  it("reports whether a node runs, and its start time", async () => {
    dockerWith("ambient-lab-dev", true);
    expect(await lab.nodeContainer("ambient-lab-dev-worker", signal)).toEqual({
      ...{ running: true, startedAt: Date.parse("2026-11-24T20:36:01Z") },
    });
  });

  it.each(["kill", "start"] as const)("can %s a node of the lab's own cluster", async (action) => {
    dockerWith("ambient-lab-dev", true);
    await lab.power("ambient-lab-dev-worker", action, signal);
    expect(calls().at(-1)).toBe(`${action} ambient-lab-dev-worker`);
  });

  it.each([
    ["another lab", "ambient-lab-alice"],
    ["nobody's cluster", ""],
  ])("leaves a container of %s alone", async (_name, cluster) => {
    dockerWith(cluster, true);
    await expect(lab.power("somebody", "kill", signal)).rejects.toThrow('"somebody" is no node of the lab\'s cluster');
    expect(calls().filter((call) => call.startsWith("kill"))).toEqual([]);
  });

  it("kills nothing for a lab without a cluster of its own", async () => {
    dockerWith("", true);
    await expect(nodePower({}).power("somebody", "kill", signal)).rejects.toThrow("is no node of the lab's cluster");
  });
});

it("reads kernel settings where a node runs", async () => {
  dockerWith("ambient-lab-dev", true);
  const names = ["fs.inotify.max_user_instances", "fs.inotify.max_user_watches"];
  expect(await readSysctls("ambient-lab-dev-worker", names, signal)).toEqual({
    ...{ "fs.inotify.max_user_instances": 1024, "fs.inotify.max_user_watches": 1_048_576 },
  });
});
