import { createHash } from "node:crypto";
import { existsSync, lstatSync, readdirSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { labHome } from "./paths";

/**
 * Folder in which all users of the machine can create files, and each can delete only its own (mode 1777). `$TMPDIR` may differ
 * between users.
 */
export const claimFolder = existsSync("/tmp") ? "/tmp" : tmpdir();

const prefix = "ambient-lab-port";

/** Age at which a claim is ignored: no `up` takes so long, and the ID of its process may have been reused. */
const limitMs = 12 * 60 * 60_000;

/** Claims of this process. */
const mine = new Set<string>();

/**
 * Claims a port for a cluster until this process ends: between the choice of a port and the moment when kind listens on it, nothing
 * else shows that it is taken. The labs of all users and folders ({@link labHome}) of this machine see the claim.
 *
 * Each claim is a file of its own, and is written before the others are looked at: of two processes that claim a port at one time
 * at least one sees the other. Both may release the port, but they never both keep it. The file of a killed process is ignored.
 *
 * @param folder that of all claims of the machine: {@link claimFolder}
 * @returns whether the port is claimed: no other living process has claimed it for another cluster
 */
export function claimPort(port: number, cluster: string, folder: string): boolean {
  const own = join(folder, claimName(port, cluster));
  // A killed process may have had the same ID, as in a restarted container: its file could be so old that others ignore it.
  if (!mine.has(own)) remove(own);
  try {
    // With this flag, a symbolic link of another user is not followed.
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

/** Releases a claim of this process. */
export function unclaimPort(port: number, cluster: string, folder: string): void {
  remove(join(folder, claimName(port, cluster)));
}

const claimName = (port: number, cluster: string): string => `${prefix}.${port}.${process.pid}.${holder(cluster)}`;

/** Identifies a cluster of one lab home: two users can have clusters of the same name, each in their own Docker. */
const holder = (cluster: string): string =>
  `${createHash("sha256").update(labHome()).digest("hex").slice(0, 16)}.${cluster}`;

const isOfOther = (name: string, port: number, cluster: string): boolean =>
  name.startsWith(`${prefix}.${port}.`) && !name.endsWith(`.${holder(cluster)}`);

/** Whether a claim is recent and its process is running. Otherwise, removes the claim. */
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
    // EPERM: the process exists and belongs to another user.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** lstat does not follow a symbolic link of another user. */
const isRecent = (file: string): boolean =>
  Date.now() - (lstatSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) < limitMs;

/** Removes a claim. A claim that cannot be removed, such as that of a killed process of another user, remains and is ignored. */
function remove(file: string): void {
  try {
    unlinkSync(file);
  } catch {}
}
