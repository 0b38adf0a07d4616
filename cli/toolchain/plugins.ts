import { existsSync } from "node:fs";
import { join } from "node:path";
import { isWeb } from "../../artifacts/bundle-folder";
import { type LabError, UnfitError } from "../../host/errors";
import { type Exec, firstOnPath, run } from "../../host/exec";
import { shellWord } from "../../host/shell";
import { billPlugins } from "../offline/bill";
import { digestOf, hostPlatform, platforms, pluginPath, readSums } from "../offline/pieces";

/** Options of {@link ensurePlugins}. */
export interface PluginOptions {
  /** Path of the pulumi program. */
  pulumi: string;
  /** `artifactSource`. */
  source?: string;
  env: Record<string, string>;
  exec: Exec;
  say: (line: string) => void;
}

/**
 * Installs the plugins of a bundle that the engine does not have. Without a bundle, the engine downloads plugins on demand.
 * @throws LabError for a plugin with another digest than in the bundle (exit code 4), or that cannot be installed
 */
export async function ensurePlugins({ pulumi, source, env, exec, say }: PluginOptions): Promise<void> {
  const platform = platforms.find(({ name }) => name === hostPlatform());
  if (!source || isWeb(source) || !platform) return;
  const listed = await exec(pulumi, ["plugin", "ls", "--json"], { env });
  const installed: { name: string; version?: string }[] = listed.code === 0 ? JSON.parse(listed.stdout || "[]") : [];
  const sums = await readSums(source);
  for (const plugin of billPlugins()) {
    const { name, version } = plugin;
    if (installed.some((each) => each.name === name && each.version === version)) continue;
    const path = pluginPath(plugin, platform);
    const file = join(source, path);
    const bundled = existsSync(file);
    // The engine prefers a plugin on the PATH, and does not list it.
    if (!bundled && firstOnPath(`pulumi-resource-${name}`, env)) continue;
    if (bundled && (await digestOf(file)) !== sums.get(path)) throw damaged(file);
    say(`  plugin ${name} ${version}`);
    const from = bundled ? ["--file", file] : [];
    await run(exec, pulumi, ["plugin", "install", "resource", name, version, ...from], {
      env,
      timeoutMs: 300_000,
      why: bundled
        ? "The engine makes the lab's resources with it"
        : `The engine makes the lab's resources with it, and "${source}" has no ${path}`,
      fix: bundled
        ? `npm run lab -- bundle --verify ${shellWord(source)}`
        : `npm run lab -- bundle ${shellWord(source)}   (with a network; downloads the missing files)`,
    });
  }
}

function damaged(file: string): LabError {
  return new UnfitError({
    what: `"${file}" does not match SHA256SUMS of the bundle`,
    why: "A plugin is a program: one that was cut or changed is not run",
    fix: "npm run lab -- bundle DIR   (with a network; downloads damaged files again)",
  });
}
