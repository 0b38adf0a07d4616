import { chmod, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Fetcher } from "../../download";
import { ExitCode, LabError, messageOf } from "../../errors";
import { writeWhole } from "../../whole-file";
import { labBin } from "./find";
import { fetchRelease, releaseAddress } from "./release";
import type { System, Tool } from "./tools";

/** How a tool is brought. */
export interface InstallOptions {
  fetcher: Fetcher;
  system: System;
  /** Mirror's URL, or folder, whose `cli/` replaces the upstream hosts. @default upstream */
  source?: string;
}

/**
 * Brings the pinned version of a tool into the lab's folder: checked before it is unpacked, in place only when whole.
 * @returns path of the program
 * @throws LabError (exit code 4) when it cannot be had or is not what was promised
 */
export async function installTool(tool: Tool, { fetcher, system, source }: InstallOptions): Promise<string> {
  requireSystem(tool, system);
  const release = tool.release(system);
  const address = releaseAddress(release, source);
  try {
    const { bytes } = await fetchRelease(release, fetcher, source);
    if (release.packed) await unpack(tool, bytes);
    else writeWhole(join(labBin(), tool.name), bytes, 0o755);
  } catch (cause) {
    throw cannotBring(tool, address, cause);
  }
  return join(labBin(), tool.name);
}

/**
 * Unpacks all that the archive's folder holds: which programs belong together differs from release to release. Beside the
 * target, so that the renames stay on one file system and a killed run leaves no half program.
 */
async function unpack({ name, companions }: Tool, bytes: Buffer): Promise<void> {
  const { x: extract } = await import("tar");
  await mkdir(labBin(), { recursive: true });
  const scratch = await mkdtemp(join(labBin(), ".unpack-"));
  try {
    await pipeline(Readable.from([bytes]), extract({ cwd: scratch, strip: 1, strict: true }));
    const files = await readdir(scratch);
    const missing = [name, ...companions].filter((each) => !files.includes(each));
    if (missing.length > 0) throw new Error(`it holds no ${missing.join(" and no ")}`);
    // The program goes last: where it is, everything it needs is.
    for (const file of [...files.filter((each) => each !== name), name]) {
      await chmod(join(scratch, file), 0o755);
      await rename(join(scratch, file), join(labBin(), file));
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function requireSystem({ name }: Tool, { platform, arch }: System): void {
  if (["linux", "darwin"].includes(platform) && ["x64", "arm64"].includes(arch)) return;
  throw new LabError(
    {
      what: `This is ${platform} on ${arch}`,
      why: `The lab brings ${name} for Linux and macOS on x64 and arm64`,
      fix: platform === "win32" ? "Run the lab inside WSL 2 (wsl --install)" : `Put ${name} on the PATH`,
    },
    { exitCode: ExitCode.unfit },
  );
}

function cannotBring(tool: Tool, address: string, cause: unknown): LabError {
  const what = cause instanceof LabError ? cause.what : `Cannot unpack ${address}: ${messageOf(cause)}`;
  return new LabError(
    {
      what,
      why: `${tool.purpose}, and no ${tool.name} on the PATH is in ${tool.range}`,
      fix: [
        `Put ${tool.name} ${tool.version} on the PATH,`,
        'or name a folder or mirror that holds "cli/" in Pulumi.<stack>.yaml: ambient-lab:artifactSource: DIR-OR-URL',
      ].join("\n"),
    },
    { exitCode: ExitCode.unfit, cause },
  );
}
