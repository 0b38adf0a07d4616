import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { stackDir } from "../host";
import type { Io } from "./io";
import { backendUrl } from "./stack-name";

const recordFile = (stack: string): string => join(stackDir(stack), "backend");

/** Notes which backend holds the state of a stack's lab: another one knows nothing of it, which is not a lost state. */
export async function recordBackend(io: Io, stack: string): Promise<void> {
  await mkdir(stackDir(stack), { recursive: true });
  await writeFile(recordFile(stack), backendUrl(io));
}

/**
 * The backend that holds the state of a stack's lab, where it is another than the present one.
 * @returns undefined when it is the present one, when nobody noted it, and when its folder is gone
 */
export async function otherBackend(io: Io, stack: string): Promise<string | undefined> {
  const recorded = await readFile(recordFile(stack), "utf8").catch(() => "");
  if (recorded === "" || recorded === backendUrl(io)) return undefined;
  const folder = /^file:\/\/(.*)$/.exec(recorded)?.[1]?.replace(/^~/, homedir());
  return folder !== undefined && !existsSync(join(folder, ".pulumi")) ? undefined : recorded;
}
