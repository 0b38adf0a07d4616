import { dirname } from "node:path";
import { ExitCode, LabError } from "../../host/errors";
import type { Io } from "../terminal/io";
import { findTool, firstOnPath, labBin } from "./find";
import { installTool } from "./install";
import { type Tool, tools } from "./tools";

/** The tools a command works with. */
export interface Toolchain {
  /** Path of the pulumi program. */
  pulumi: string;
  /** Folders to put before the PATH, so that the engine and the program's own scripts find the same tools. */
  binFolders: readonly string[];
}

/** How tools are looked for. */
export interface EnsureOptions {
  needed: readonly Tool["name"][];
  /** Mirror or folder for downloads. */
  source?: string;
  /** Whether missing tools are brought. A command that only reads does not change the machine. */
  install: boolean;
  say: (line: string) => void;
}

/** Finds the tools, and brings those that are missing. */
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
    if (!install) throw missing(tool, found?.version);
    say(`  ${tool.name} ${tool.version} → ${labBin()}`);
    const system = { platform: process.platform, arch: process.arch };
    paths.set(tool.name, await installTool(tool, { ...io, system, ...(source ? { source } : {}) }));
  }
  const shadowed = [...paths].filter(([name, path]) => firstOnPath(name, io.env) !== path);
  return {
    pulumi: paths.get("pulumi") ?? "pulumi",
    binFolders: [...new Set(shadowed.map(([, path]) => dirname(path)))],
  };
}

function missing(tool: Tool, version: string | undefined): LabError {
  return new LabError(
    {
      what: version ? `${tool.name} ${version} is not in ${tool.range}` : `There is no ${tool.name} on the PATH`,
      why: tool.purpose,
      fix: `npm run up   (brings ${tool.name} ${tool.version} into ${labBin()})`,
    },
    { exitCode: ExitCode.unfit },
  );
}
