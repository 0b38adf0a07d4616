import { chmod, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setImmediate } from "node:timers/promises";
import type { Fetcher } from "../../artifacts/download";
import { LabError, messageOf, UnfitError } from "../../host/errors";
import { firstOnPath } from "../../host/exec";
import { labBin } from "../../host/paths";
import { makeFolder, WriteError, writeWhole } from "../../host/write-file";
import { toolMissing } from "../../preflight/problems";
import type { Io } from "../terminal/io";
import { fetchRelease, findTool, releaseAddress, type System, type Tool, tools } from "./tools";

/** Options of {@link installTool}. */
export interface InstallOptions {
  fetcher: Fetcher;
  system: System;
  /** URL of a mirror, or a folder, whose `cli/` replaces the upstream hosts. @default upstream */
  source?: string;
}

/**
 * Installs the pinned version of a tool into the lab's folder. Its digest is checked before it is unpacked.
 * @returns path of the program
 * @throws LabError (exit code 4) when it cannot be fetched or has another digest
 */
export async function installTool(tool: Tool, { fetcher, system, source }: InstallOptions): Promise<string> {
  requireSystem(tool, system);
  const release = tool.release(system);
  const address = releaseAddress(release, source);
  try {
    const bytes = await fetchRelease(release, fetcher, source);
    if (release.packed) await unpack(tool, bytes);
    else writeWhole(join(labBin(), tool.name), bytes, 0o755);
  } catch (cause) {
    throw cause instanceof WriteError ? cause : cannotBring(tool, address, cause);
  }
  return join(labBin(), tool.name);
}

/**
 * Unpacks all programs of a release into a temporary folder, and moves each into the lab's folder by one rename. The tool
 * itself moves last: once it is there, its companions are.
 */
async function unpack({ name: program, companions }: Tool, bytes: Buffer): Promise<void> {
  const { x: extract } = await import("tar");
  makeFolder(labBin());
  const scratch = await mkdtemp(join(labBin(), ".unpack-"));
  try {
    // Without `sync`, pending writes of a truncated archive would continue after the `rm` below.
    await pipeline(Readable.from(slices(bytes)), extract({ cwd: scratch, strip: 1, strict: true, sync: true }));
    const entries = await readdir(scratch, { withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    const lacking = [program, ...companions].find((name) => !files.includes(name));
    if (lacking) throw new Error(`it has no ${program}/${lacking}`);
    for (const file of [...files.filter((name) => name !== program), program]) {
      await chmod(join(scratch, file), 0o755);
      await rename(join(scratch, file), join(labBin(), file));
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * The bytes in parts of 1 MiB. Unpacked as one part, all files of a release would be in memory at once. Between two parts the
 * event loop handles signals and progress.
 */
async function* slices(bytes: Buffer): AsyncGenerator<Buffer> {
  const size = 1 << 20;
  for (let begin = 0; begin < bytes.length; begin += size) {
    yield bytes.subarray(begin, begin + size);
    await setImmediate();
  }
}

function requireSystem({ name }: Tool, { platform, arch }: System): void {
  if (["linux", "darwin"].includes(platform) && ["x64", "arm64"].includes(arch)) return;
  throw new UnfitError({
    what: `This is ${platform} on ${arch}`,
    why: `The lab brings ${name} for Linux and macOS on x64 and arm64`,
    fix: platform === "win32" ? "Run the lab inside WSL 2 (wsl --install)" : `Put ${name} on the PATH`,
  });
}

function cannotBring(tool: Tool, address: string, cause: unknown): LabError {
  const what = cause instanceof LabError ? cause.what : `Cannot unpack ${address}: ${messageOf(cause)}`;
  return new UnfitError(
    {
      what,
      why: `${tool.purpose}, and no ${tool.name} on the PATH is in ${tool.range}`,
      fix: `npm run lab -- config set artifactSource DIR-OR-URL   (a folder or mirror that holds "cli/"), or put ${tool.name} ${tool.version} on the PATH`,
    },
    cause,
  );
}

/** The tools of a command. */
export interface Toolchain {
  /** Path of the pulumi program. */
  pulumi: string;
  /** Folders to prepend to the PATH, so that the engine and the scripts use the same tools. */
  binFolders: readonly string[];
}

/** Options of {@link ensureTools}. */
export interface EnsureOptions {
  needed: readonly Tool["name"][];
  /** Mirror or folder for downloads. */
  source?: string;
  /** Whether missing tools are installed. A command that only reads does not change the machine. */
  install: boolean;
  say: (line: string) => void;
}

/**
 * Finds the tools, and installs missing ones.
 * @throws UnfitError for a missing tool without `install`
 */
export async function ensureTools(
  io: Pick<Io, "env" | "exec" | "fetcher">,
  { needed, source, install, say }: EnsureOptions,
): Promise<Toolchain> {
  const paths = new Map<string, string>();
  for (const tool of tools.filter(({ name }) => needed.includes(name))) {
    const found = await findTool(tool, io.env, io.exec);
    if (found?.fits) {
      paths.set(tool.name, found.path);
      continue;
    }
    if (!install) throw new UnfitError(toolMissing(tool, found?.version));
    say(`  ${tool.name} ${tool.version} → ${labBin()}`);
    const system = { platform: process.platform, arch: process.arch };
    paths.set(tool.name, await installTool(tool, { ...io, system, source }));
  }
  const shadowed = [...paths].filter(([name, path]) => firstOnPath(name, io.env) !== path);
  return {
    pulumi: paths.get("pulumi") ?? "pulumi",
    binFolders: [...new Set(shadowed.map(([, path]) => dirname(path)))],
  };
}
