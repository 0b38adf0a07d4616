import { randomUUID } from "node:crypto";
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { messageOf, UnfitError } from "./errors";
import { labHome } from "./paths";
import { shellWord } from "./shell";

/**
 * Replaces a file atomically: no reader and no failed write sees a part of it. Missing parent folders are created. A symbolic
 * link stays, and its target is replaced; a device or a pipe, such as /dev/stdout, is written in place.
 * @param mode permissions of the file. @default the permissions of the existing file; 0o644 for a new file
 * @throws WriteError (exit code 4) when it cannot be written; the file is then unchanged
 */
export function writeWhole(path: string, content: Uint8Array | string, mode?: number): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    const there = statSync(path, { throwIfNoEntry: false });
    if (there && !there.isFile()) writeFileSync(path, content);
    else replace(targetOf(path), content, mode, there);
  } catch (cause) {
    throw cannotWrite(path, cause);
  }
}

function replace(
  target: string,
  content: Uint8Array | string,
  mode: number | undefined,
  there: Stats | undefined,
): void {
  // In the same folder: a rename works only within one file system.
  const part = join(dirname(target), `.${randomUUID()}.part`);
  try {
    writeFileSync(part, content, { mode: mode ?? 0o644, flush: true });
    if (there) {
      if (there.uid !== process.getuid?.()) giveTo(there, part);
      if (mode === undefined) chmodSync(part, there.mode & 0o777);
    }
    renameSync(part, target);
  } finally {
    rmSync(part, { force: true });
  }
}

/** Gives the new file the owner of the old file, if the process may do so. */
function giveTo({ uid, gid }: Stats, part: string): void {
  try {
    chownSync(part, uid, gid);
  } catch {
    // Only root may give a file away; the new file then belongs to the current user.
  }
}

/** Target of a path with its symbolic links resolved; the target may not exist. */
function targetOf(path: string): string {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return path;
  return targetOf(resolve(realpathSync(dirname(path)), readlinkSync(path)));
}

/**
 * Creates a folder and its parents.
 * @throws WriteError (exit code 4) when it cannot be created or written
 */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw cannotWrite(path, cause);
  }
  requireWritable(path);
}

/**
 * Checks that a folder can be written, or created. Changes nothing.
 * @throws WriteError (exit code 4) when it cannot
 */
export function requireWritable(path: string): void {
  const there = existsSync(path) ? path : existing(path);
  try {
    accessSync(there, constants.W_OK);
    // Fails with ENOTDIR for a file.
    accessSync(`${there}/.`);
  } catch (cause) {
    throw cannotWrite(path, cause);
  }
}

/** A file or folder that cannot be written. */
export class WriteError extends UnfitError {}

/** The nearest existing parent folder of a path. */
function existing(path: string): string {
  const folder = dirname(path);
  return folder === path || existsSync(folder) ? folder : existing(folder);
}

function cannotWrite(path: string, cause: unknown): WriteError {
  const code: unknown = cause instanceof Error && Reflect.get(cause, "code");
  // The message contains the path of the temporary file.
  const reason = messageOf(cause).replace(/ '.*$/s, "");
  const folder = shellWord(existing(path));
  const both = existsSync(path) ? `${folder} ${shellWord(path)}` : folder;
  const home = path.startsWith(labHome()) ? ", or set AMBIENT_LAB_HOME to another folder" : "";
  const again = "then run the command again";
  const fix =
    code === "ENOSPC" || code === "EDQUOT"
      ? `df -h ${folder}   (make room there; ${again})`
      : code === "EFBIG"
        ? "ulimit -f   (this shell limits the size of a file; run the command again from one that does not)"
        : `ls -ld ${both}   (must be writable for your user${home}; ${again})`;
  return new WriteError(
    {
      what: `Cannot write "${path}": ${reason}`,
      why: "A file is replaced as a whole, so that its former content has not changed",
      fix,
    },
    cause,
  );
}
