import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { labHome } from "./paths";

/** Claims of this process. */
const mine = new Set<string>();

const folder = (): string => join(labHome(), "ports");

/**
 * Claims a port for a cluster until this process ends: between the choice of a port and the moment when kind listens on it, nothing
 * else shows that it is taken. Labs with other folders ({@link labHome}) are not seen.
 *
 * Each claim is a file of its own, and is written before the others are looked at: of two processes that claim a port at one time
 * at least one sees the other. Both may give way; never do both keep it. The file of a process that was killed counts no more.
 *
 * @returns whether the port is claimed: no other living process has claimed it for another cluster
 */
export function claimPort(port: number, cluster: string): boolean {
  const own = `${port}.${process.pid}.${cluster}`;
  mkdirSync(folder(), { recursive: true });
  writeFileSync(join(folder(), own), "");
  const others = readdirSync(folder()).filter((name) => name !== own && isOfOther(name, port, cluster));
  if (others.length > 0) {
    rmSync(join(folder(), own), { force: true });
    return false;
  }
  if (mine.size === 0) process.once("exit", removeAll);
  mine.add(join(folder(), own));
  return true;
}

function removeAll(): void {
  for (const file of mine) rmSync(file, { force: true });
}

/** Gives a claim of this process up. */
export function unclaimPort(port: number, cluster: string): void {
  rmSync(join(folder(), `${port}.${process.pid}.${cluster}`), { force: true });
}

function isOfOther(name: string, port: number, cluster: string): boolean {
  const [, claimed, pid, of] = /^(\d+)\.(\d+)\.(.+)$/.exec(name) ?? [];
  if (Number(claimed) !== port || of === cluster) return false;
  if (isAlive(Number(pid))) return true;
  rmSync(join(folder(), name), { force: true });
  return false;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and another user's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
