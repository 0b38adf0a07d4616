import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { exec } from "../../host/exec";
import { eventually } from "../../verify/eventually";

/** Who is ended, and how: the command line, the engine `pulumi`, the Node.js of the program, or all of them. */
export const killTargets = ["kill cli", "kill engine", "kill program", "kill group", "INT cli", "INT group"] as const;
export type KillTarget = (typeof killTargets)[number];

/** A moment of an operation: when the engine has begun with a resource, plus some time. */
export interface Moment {
  operation: "up" | "destroy";
  /** Name of the resource, or `start` for the start of the command line. */
  resource: string;
  afterMs: number;
}

/** How an interrupted run went. */
export interface Interruption {
  /** Resources that the engine was at work on; undefined when the run ended before the moment came. */
  doing: string[] | undefined;
  stderr: string;
}

interface Checkpoint {
  checkpoint?: { latest?: { pending_operations?: { resource: { urn: string }; type: string }[] } };
}

/** What the engine has begun and not finished, as its file backend tells it all the time. */
export function doingOf(state: string, stack: string): string[] {
  try {
    const file = join(state, ".pulumi", "stacks", "ambient-lab", `${stack}.json`);
    const { checkpoint } = JSON.parse(readFileSync(file, "utf8")) as Checkpoint;
    const pending = checkpoint?.latest?.pending_operations ?? [];
    return pending.map(({ resource }) => resource.urn.split("::").at(-1) ?? "");
  } catch {
    // No state yet, or the engine writes it at this very moment.
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

/** Runs the lab's command line in a process group of its own and ends the victim when the moment has come. */
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
  const doing = () => doingOf(run.state, run.stack);
  let begun: number | undefined;
  await eventually(
    async () => {
      if (child.exitCode !== null) return;
      if (moment.resource === "start" || doing().includes(moment.resource)) begun ??= performance.now();
      if (begun === undefined || performance.now() - begun < moment.afterMs) throw new Error("not yet");
    },
    { what: `${moment.operation} to reach ${moment.resource}`, deadlineMs: 900_000, intervalMs: 50, signal },
  );
  if (child.exitCode !== null) return { doing: undefined, stderr };
  const at = doing();
  await end(pid, victim);
  await Promise.race([ended, lingering(victim, child)]);
  return { doing: at, stderr };
}

/** A command line whose engine or program was killed, or that got an interrupt, must come to its own end. */
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
  // The program may have ended, or the engine not begun: then the command line stands for it.
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
