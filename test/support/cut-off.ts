import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, vi } from "vitest";
import { type ExecResult, exec } from "../../host/exec";

/** A machine without a network: a network namespace with only a loopback device, and a separate Docker without images. */
export interface CutOff {
  /** Command line that runs another command line in the namespace. */
  within: readonly string[];
  /** Environment variables that select its Docker. */
  env: { DOCKER_HOST: string };
  run(...command: string[]): Promise<ExecResult>;
  stop(): Promise<void>;
}

/** Starts the machine. Its Docker has the settings of this machine's Docker. */
export async function cutOff(): Promise<CutOff> {
  const folder = mkdtempSync(join(tmpdir(), "ambient-lab-cut-"));
  const [socket, pid] = [join(folder, "docker.sock"), join(folder, "pid")];
  const flags = ["--data-root", join(folder, "data"), "--exec-root", join(folder, "exec")];
  const dockerd = ["dockerd", ...flags, "--pidfile", pid, "--host", `unix://${socket}`];
  const script = 'ip link set lo up && exec "$@"';
  const child = spawn("unshare", ["--net", "sh", "-c", script, "sh", ...dockerd], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const env = { DOCKER_HOST: `unix://${socket}` };
  await vi.waitFor(
    async () => expect((await exec("docker", ["version"], { env })).code, "dockerd does not start").toBe(0),
    { timeout: 60_000, interval: 500 },
  );
  const within = ["nsenter", `--net=/proc/${readFileSync(pid, "utf8").trim()}/ns/net`];
  return {
    within,
    env,
    run: (...command) => exec(within[0] ?? "", [...within.slice(1), ...command], { env, timeoutMs: 60_000 }),
    stop: async () => {
      child.kill();
      await ended;
      // Docker does not remove the mounts of its namespaces.
      for (const mount of mountsBelow(folder)) await exec("umount", ["--lazy", mount]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function mountsBelow(folder: string): string[] {
  const table = "/proc/self/mounts";
  const mounts = existsSync(table) ? readFileSync(table, "utf8").split("\n") : [];
  return mounts.map((line) => line.split(" ")[1] ?? "").filter((path) => path.startsWith(`${folder}/`));
}
