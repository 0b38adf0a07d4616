import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { exec } from "../../host/exec";
import { eventually } from "../../verify/eventually";

/** The signal and the process that gets it: the command line, the engine `pulumi`, the Node.js of the program, or the process group. */
export const killTargets = ["kill cli", "kill engine", "kill program", "kill group", "INT cli", "INT group"] as const;
export type KillTarget = (typeof killTargets)[number];

/** A moment of an operation: a delay after the engine has started a resource. */
export interface Moment {
  operation: "up" | "destroy";
  /** Name of the resource, or `start` for the start of the command line. */
  resource: string;
  afterMs: number;
}

/** The result of an interrupted run. */
export interface Interruption {
  /** Resources with a pending operation at the interruption; undefined when the run ended before the moment. */
  pending: string[] | undefined;
  stderr: string;
}

interface Checkpoint {
  checkpoint?: { latest?: { pending_operations?: { resource: { urn: string }; type: string }[] } };
}

/** Resources with a pending operation, by the checkpoint in the file backend. */
export function pendingResources(state: string, stack: string): string[] {
  try {
    const file = join(state, ".pulumi", "stacks", "ambient-lab", `${stack}.json`);
    const { checkpoint } = JSON.parse(readFileSync(file, "utf8")) as Checkpoint;
    const pending = checkpoint?.latest?.pending_operations ?? [];
    return pending.map(({ resource }) => resource.urn.split("::").at(-1) ?? "");
  } catch {
    // There is no state yet, or the engine is writing it.
    return [];
  }
}

export interface Run {
  dir: string;
  state: string;
  stack: string;
  env: Record<string, string>;
  args: readonly string[];
}

/** Runs the lab's command line in its own process group, and sends the signal at the moment. */
export async function interrupt(run: Run, moment: Moment, victim: KillTarget): Promise<Interruption> {
  const child = spawn(process.execPath, ["cli/bootstrap.cjs", ...run.args], {
    ...{ cwd: run.dir, env: { ...process.env, ...run.env } },
    ...{ detached: true, stdio: ["ignore", "ignore", "pipe"] },
  });
  const ended = once(child, "exit");
  let stderr = "";
  child.stderr?.on("data", (chunk) => {
    stderr += chunk;
  });
  const { pid } = child;
  if (pid === undefined) throw new Error("Cannot start the command line");
  const { signal } = new AbortController();
  const pending = () => pendingResources(run.state, run.stack);
  let begun: number | undefined;
  await eventually(
    async () => {
      if (child.exitCode !== null) return;
      if (moment.resource === "start" || pending().includes(moment.resource)) begun ??= performance.now();
      if (begun === undefined || performance.now() - begun < moment.afterMs) throw new Error("not yet");
    },
    { what: `${moment.operation} to reach ${moment.resource}`, deadlineMs: 900_000, intervalMs: 50, signal },
  );
  if (child.exitCode !== null) return { pending: undefined, stderr };
  const at = pending();
  await end(pid, victim);
  await Promise.race([ended, lingering(victim, child)]);
  return { pending: at, stderr };
}

/** After its engine or program was killed, or after an interrupt, the command line must exit by itself. */
async function lingering(victim: KillTarget, child: ReturnType<typeof spawn>): Promise<void> {
  const { signal } = new AbortController();
  await eventually(
    async () => {
      if (child.exitCode === null && child.signalCode === null) throw new Error("it still runs");
    },
    { what: `the command line to end after "${victim}"`, deadlineMs: 900_000, intervalMs: 200, signal },
  );
}

async function end(cli: number, victim: KillTarget): Promise<void> {
  const [how, who] = victim.split(" ");
  const sent = how === "INT" ? "SIGINT" : "SIGKILL";
  const target = who === "group" ? -cli : who === "cli" ? cli : await below(cli, who ?? "");
  // If the program has exited or the engine has not started, the signal is sent to the command line.
  process.kill(target ?? cli, sent);
}

async function below(cli: number, who: string): Promise<number | undefined> {
  const { stdout } = await exec("ps", ["-axo", "pid=,ppid=,args="]);
  const rows = stdout.split("\n").map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? []);
  const parents = new Map(rows.map(([, pid, parent]) => [Number(pid), Number(parent)]));
  const isBelow = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && (parent === cli || isBelow(parent));
  };
  const pattern = who === "engine" ? /^\S*\bpulumi (up|destroy|refresh|preview)\b/ : /@pulumi\/pulumi\/cmd\/run/;
  const found = rows.find(([, pid, , args]) => pattern.test(args ?? "") && isBelow(Number(pid)));
  return found && Number(found[1]);
}
