import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { backendFolder } from "../../host/backend";
import { LabError } from "../../host/errors";
import type { Exec } from "../../host/exec";
import { type Clock, eventually } from "../../verify/eventually";
import { project } from "../stack/stack-name";
import type { Io } from "../terminal/io";

const lockSchema = z.object({ pid: z.int(), username: z.string().default("?"), hostname: z.string() });

/** What {@link clearDeadLocks} needs of its command. */
export interface LockOptions extends Pick<Io, "env" | "root" | "exec" | "signal"> {
  say: (line: string) => void;
  /** @default the time of this machine */
  clock?: Clock;
}

/** Above what a whole run takes on a slow machine: an engine without its command line goes on to the run's end. */
const abandonedDeadlineMs = 20 * 60_000;

/** Locks of engines of this machine that died. No engine starts on the stack before they are removed. */
export interface DeadLocks {
  /** Number of locks; 0 also for a backend that has no lock files. */
  readonly count: number;
  /** Whether these are still the only locks of the stack. */
  inPlace(): boolean;
  remove(): void;
}

/** No proof that an engine died. */
export const noDeadLocks: DeadLocks = { count: 0, inPlace: () => true, remove: () => {} };

/**
 * Finds the locks that engines of this machine left when they died. An engine whose command line was killed goes on, and
 * nobody can tell it anything any more: it is waited for.
 * @throws LabError when an engine that somebody runs, here or on another machine, holds the stack
 */
export async function findDeadLocks(stack: string, options: LockOptions): Promise<DeadLocks> {
  const { exec, signal, clock, say } = options;
  const dead: string[] = [];
  for (const { file, owner } of locksOf(stack, options)) {
    dead.push(file);
    if (!owner) continue;
    const { pid } = owner;
    if (owner.hostname !== hostname()) throw heldBy(owner, stack);
    const engine = await engineAt(exec, pid);
    if (engine === undefined) continue;
    if (engine !== "abandoned") throw heldBy(owner, stack);
    say(`An engine whose command line was killed is still at work (pid ${pid}): waiting for its end`);
    const ended = async () => {
      if ((await engineAt(exec, pid)) !== undefined) throw heldBy(owner, stack);
    };
    const waiting = { what: `engine ${pid}`, deadlineMs: abandonedDeadlineMs, intervalMs: 1000, signal };
    await eventually(ended, { ...waiting, ...(clock ? { clock } : {}) }).catch(() => {
      signal.throwIfAborted();
      throw heldBy(owner, stack);
    });
  }
  // An engine that was waited for and ended by itself has removed its lock.
  const left = dead.filter((file) => existsSync(file));
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
 * Removes the locks that {@link findDeadLocks} finds.
 * @returns the number of removed locks
 * @throws LabError when another engine holds the stack
 */
export async function clearDeadLocks(stack: string, options: LockOptions): Promise<number> {
  const locks = await findDeadLocks(stack, options);
  locks.remove();
  return locks.count;
}

/**
 * Lets nobody take the nodes away from an engine that is at work on the stack. Locks of dead engines stay: the next `up`
 * learns from them that a run was killed.
 * @throws LabError when such an engine lives, here or on another machine
 */
export async function requireUnlocked(stack: string, io: Pick<Io, "env" | "root" | "exec">): Promise<void> {
  for (const { owner } of locksOf(stack, io)) {
    if (!owner) continue;
    if (owner.hostname !== hostname() || (await engineAt(io.exec, owner.pid)) !== undefined) throw heldBy(owner, stack);
  }
}

/** Lock files of a stack, each with who wrote it; a file that cannot be read was cut off, and its writer died then. */
function locksOf(stack: string, io: Pick<Io, "env" | "root">) {
  const folder = backendFolder(io);
  const locks = folder && join(folder, ".pulumi", "locks", "organization", project, stack);
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

/** What the process is, if it lives and is a Pulumi engine: its number may have gone to another program by now. */
async function engineAt(exec: Exec, pid: number): Promise<"attended" | "abandoned" | undefined> {
  const { code, stdout } = await exec("ps", ["-p", String(pid), "-o", "ppid=,args="]);
  if (code === 127) return "attended";
  if (code !== 0 || !stdout.includes("pulumi")) return undefined;
  // The lab calls the engine by the Automation API; what a shell put into the background is none of its business.
  if (!stdout.includes("--exec-kind auto")) return "attended";
  const parent = Number.parseInt(stdout.trim(), 10);
  if (parent === 1) return "abandoned";
  const owner = await exec("ps", ["-p", String(parent), "-o", "args="]);
  // On a Linux desktop the user's systemd takes over orphans, not the first process.
  return owner.code === 0 && /(^|\/)systemd( |$)/.test(owner.stdout.trim()) ? "abandoned" : "attended";
}

function heldBy({ pid, username, hostname: host }: z.infer<typeof lockSchema>, stack: string): LabError {
  const here = host === hostname();
  return new LabError({
    what: `Stack "${stack}" is being changed by ${username}@${host} (pid ${pid})`,
    why: "Two engines on one state would undo each other's work",
    fix: here
      ? `Let it finish; ps -p ${pid} shows what it is`
      : `Let it finish; if that machine is gone: pulumi cancel --yes --stack ${stack}`,
  });
}
