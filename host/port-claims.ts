import { createHash } from "node:crypto";
import { existsSync, lstatSync, readdirSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { labHome } from "./paths";

/**
 * Folder that all users of the machine write to, and where each can delete only files of its own (mode 1777). `$TMPDIR` may be
 * another one for each user.
 */
export const claimFolder = existsSync("/tmp") ? "/tmp" : tmpdir();

const prefix = "ambient-lab-port";

/** A claim of this age counts no more: no `up` takes as long, and another process may have the id of the one that made it. */
const limitMs = 12 * 60 * 60_000;

/** Claims of this process. */
const mine = new Set<string>();

/**
 * Claims a port for a cluster until this process ends: between the choice of a port and the moment when kind listens on it, nothing
 * else shows that it is taken. The labs of all users and folders ({@link labHome}) of this machine see the claim.
 *
 * Each claim is a file of its own, and is written before the others are looked at: of two processes that claim a port at one time
 * at least one sees the other. Both may give way; never do both keep it. The file of a process that was killed counts no more.
 *
 * @param folder that of all claims of the machine: {@link claimFolder}
 * @returns whether the port is claimed: no other living process has claimed it for another cluster
 */
export function claimPort(port: number, cluster: string, folder: string): boolean {
  const own = join(folder, claimName(port, cluster));
  // A killed process may have had this id, as in a container that is started again: its file may be too old to count.
  if (!mine.has(own)) remove(own);
  try {
    // The flag follows no symbolic link that another user has put there.
    writeFileSync(own, "", { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const others = readdirSync(folder).filter((name) => isOfOther(name, port, cluster));
  if (others.some((name) => isLiving(join(folder, name)))) {
    remove(own);
    return false;
  }
  if (mine.size === 0) process.once("exit", () => mine.forEach(remove));
  mine.add(own);
  return true;
}

/** Gives a claim of this process up. */
export function unclaimPort(port: number, cluster: string, folder: string): void {
  remove(join(folder, claimName(port, cluster)));
}

const claimName = (port: number, cluster: string): string => `${prefix}.${port}.${process.pid}.${holder(cluster)}`;

/** A cluster of one lab home: two users may have clusters of one name, each with a Docker of its own. */
const holder = (cluster: string): string =>
  `${createHash("sha256").update(labHome()).digest("hex").slice(0, 16)}.${cluster}`;

const isOfOther = (name: string, port: number, cluster: string): boolean =>
  name.startsWith(`${prefix}.${port}.`) && !name.endsWith(`.${holder(cluster)}`);

/** Whether the process of a claim lives. Removes the claim otherwise. */
function isLiving(file: string): boolean {
  const [, , pid] = basename(file).split(".");
  if (isAlive(Number(pid)) && isRecent(file)) return true;
  remove(file);
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

/** A symbolic link that another user has put there is not followed. */
const isRecent = (file: string): boolean =>
  Date.now() - (lstatSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) < limitMs;

/** Removes a claim. What cannot be removed, such as that of a killed process of another user, stays and counts no more. */
function remove(file: string): void {
  try {
    unlinkSync(file);
  } catch {}
}
