import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { backendFolder } from "../../host/backend";
import { LabError } from "../../host/errors";
import type { Exec } from "../../host/exec";
import { projectFile } from "../../host/project-file";
import { type Clock, eventually } from "../../verify/eventually";
import type { Io } from "../terminal/io";
import { pulumiCommand } from "../toolchain/tools";

const lockSchema = z.object({ pid: z.int(), username: z.string().default("?"), hostname: z.string() });

/** Options of {@link findStaleLocks}. */
export interface LockOptions extends Pick<Io, "env" | "root" | "exec" | "signal"> {
  say: (line: string) => void;
  /** @default the time of this machine */
  clock?: Clock;
}

/** Time limit for an engine whose command line was killed, which continues to the end of its run. */
const abandonedDeadlineMs = 20 * 60_000;

/** Locks of dead engines of this machine. No engine starts on the stack before they are removed. */
export interface StaleLocks {
  /** Number of locks; 0 for a backend without lock files. */
  readonly count: number;
  /** Whether these are still exactly the locks of the stack. */
  inPlace(): boolean;
  remove(): void;
}

/** No lock at all. */
export const noStaleLocks: StaleLocks = { count: 0, inPlace: () => true, remove: () => {} };

/**
 * Finds the locks of dead engines of this machine. Waits for an engine whose command line was killed: it continues, and cannot
 * be interrupted.
 * @throws LabError when a running engine, on this or another machine, holds a lock
 */
export async function findStaleLocks(stack: string, options: LockOptions): Promise<StaleLocks> {
  const { exec, signal, clock, say } = options;
  const stale: string[] = [];
  for (const { file, owner } of locksOf(stack, options)) {
    stale.push(file);
    if (!owner) continue;
    const { pid } = owner;
    if (owner.hostname !== hostname()) throw heldBy(owner, stack);
    const engine = await engineAt(exec, pid);
    if (engine === undefined) continue;
    if (engine !== "abandoned") throw heldBy(owner, stack);
    say(`An engine whose command line was killed still runs (pid ${pid}): waiting for its end`);
    const ended = async () => {
      if ((await engineAt(exec, pid)) !== undefined) throw heldBy(owner, stack);
    };
    const waiting = { what: `engine ${pid}`, deadlineMs: abandonedDeadlineMs, intervalMs: 1000, signal };
    await eventually(ended, { ...waiting, ...(clock ? { clock } : {}) }).catch(() => {
      signal.throwIfAborted();
      throw heldBy(owner, stack);
    });
  }
  // An engine that ended while the function waited has removed its lock.
  const left = stale.filter((file) => existsSync(file));
  return {
    count: left.length,
    inPlace: () =>
      locksOf(stack, options)
        .map(({ file }) => file)
        .join() === left.join(),
    remove: () => {
      for (const file of left) rmSync(file, { force: true });
    },
  };
}

/**
 * Requires that no running engine holds a lock of the stack. Locks of dead engines stay: the next `up` recovers from the crash.
 * @throws LabError when such an engine runs, on this or another machine
 */
export async function requireUnlocked(stack: string, io: Pick<Io, "env" | "root" | "exec">): Promise<void> {
  for (const { owner } of locksOf(stack, io)) {
    if (!owner) continue;
    if (owner.hostname !== hostname() || (await engineAt(io.exec, owner.pid)) !== undefined) throw heldBy(owner, stack);
  }
}

/** Lock files of a stack with their owners. The owner is absent in a file that was truncated when its writer died. */
function locksOf(stack: string, io: Pick<Io, "env" | "root">) {
  const folder = backendFolder(io);
  const locks = folder && join(folder, ".pulumi", "locks", "organization", projectFile(io.root).name, stack);
  if (!locks || !existsSync(locks)) return [];
  const files = readdirSync(locks).filter((each) => each.endsWith(".json"));
  return files.map((name) => ({
    file: join(locks, name),
    owner: lockSchema.safeParse(readJson(join(locks, name))).data,
  }));
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/**
 * Whether the Pulumi engine with a process id still has its command line ("attended").
 * @returns undefined when the process does not exist or is another program
 */
async function engineAt(exec: Exec, pid: number): Promise<"attended" | "abandoned" | undefined> {
  const { code, stdout } = await exec("ps", ["-p", String(pid), "-o", "ppid=,args="]);
  if (code === 127) return "attended";
  if (code !== 0 || !stdout.includes("pulumi")) return undefined;
  // The lab starts the engine by the Automation API. A user started any other engine, and can end it.
  if (!stdout.includes("--exec-kind auto")) return "attended";
  const parent = Number.parseInt(stdout.trim(), 10);
  if (parent === 1) return "abandoned";
  const owner = await exec("ps", ["-p", String(parent), "-o", "args="]);
  // On a Linux desktop, the user's systemd adopts orphans instead of the first process.
  return owner.code === 0 && /(^|\/)systemd( |$)/.test(owner.stdout.trim()) ? "abandoned" : "attended";
}

function heldBy({ pid, username, hostname: host }: z.infer<typeof lockSchema>, stack: string): LabError {
  const here = host === hostname();
  return new LabError({
    what: `Stack "${stack}" is being changed by ${username}@${host} (pid ${pid})`,
    why: "Two engines on one state would undo each other's work",
    fix: here
      ? `ps -p ${pid}   (shows what it is; let it finish, then run the command again)`
      : `${pulumiCommand(`cancel --yes --stack ${stack}`)}   (only if that machine is gone; otherwise let it finish)`,
  });
}
