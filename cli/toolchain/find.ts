import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import semver from "semver";
import type { Exec } from "../../host/exec";
import { labHome } from "../../host/paths";
import type { Tool } from "./tools";

/** A tool on this machine. */
export interface FoundTool {
  path: string;
  version: string;
  /** Whether the version is in the range the lab works with. */
  fits: boolean;
}

/** Folder of the tools that the lab brings itself. */
export function labBin(): string {
  return join(labHome(), "bin");
}

/** The tool that will be used: the first that fits on the PATH, else in the lab's folder, else the first that does not fit. */
export async function findTool(tool: Tool, env: NodeJS.ProcessEnv, exec: Exec): Promise<FoundTool | undefined> {
  const found: FoundTool[] = [];
  for (const folder of [...(env.PATH ?? "").split(delimiter), labBin()]) {
    const path = join(folder, tool.name);
    if (!folder || !existsSync(path)) continue;
    const version = await versionOf(path, exec);
    if (version === undefined) continue;
    const candidate = { path, version, fits: semver.satisfies(version, tool.range, { includePrerelease: true }) };
    if (candidate.fits) return candidate;
    found.push(candidate);
  }
  return found[0];
}

/** Path of the program that a script gets by its name; undefined when the PATH has none. */
export function firstOnPath(program: string, env: NodeJS.ProcessEnv): string | undefined {
  return (env.PATH ?? "")
    .split(delimiter)
    .flatMap((folder) => (folder ? [join(folder, program)] : []))
    .find((path) => existsSync(path));
}

async function versionOf(path: string, exec: Exec): Promise<string | undefined> {
  const { code, stdout } = await exec(path, ["version"], { env: { PULUMI_SKIP_UPDATE_CHECK: "true" } });
  return code === 0 ? /v?(\d+\.\d+\.\d+[\w.+-]*)/.exec(stdout)?.[1] : undefined;
}
