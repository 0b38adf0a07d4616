import { existsSync } from "node:fs";
import { join } from "node:path";
import { isWeb } from "../../bundle-folder";
import { ExitCode, LabError } from "../../errors";
import { type Exec, run } from "../../exec";
import { billPlugins } from "../bill/plugins";
import { pluginPath } from "../bundle/pieces";
import { hostPlatform, platforms } from "../bundle/platform";
import { digestOf, readSums } from "../bundle/sums";

/** How plugins are brought. */
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
 * Gives the engine the plugins of a bundle, unless it has them. Without one it downloads them itself, when it needs them.
 * @throws LabError (exit code 4) on a plugin that is not as the bundle promises
 */
export async function ensurePlugins({ pulumi, source, env, exec, say }: PluginOptions): Promise<void> {
  const platform = platforms.find(({ name }) => name === hostPlatform());
  if (!source || isWeb(source) || !platform) return;
  const bundled = billPlugins()
    .map((plugin) => ({ ...plugin, path: pluginPath(plugin, platform) }))
    .filter(({ path }) => existsSync(join(source, path)));
  if (bundled.length === 0) return;
  const listed = await exec(pulumi, ["plugin", "ls", "--json"], { env });
  const installed: { name: string; version?: string }[] = listed.code === 0 ? JSON.parse(listed.stdout || "[]") : [];
  const sums = await readSums(source);
  for (const { name, version, path } of bundled) {
    if (installed.some((each) => each.name === name && each.version === version)) continue;
    const file = join(source, path);
    if ((await digestOf(file)) !== sums.get(path)) throw damaged(file);
    say(`  plugin ${name} ${version}`);
    await run(exec, pulumi, ["plugin", "install", "resource", name, version, "--file", file], {
      env,
      timeoutMs: 300_000,
      why: "The engine makes the lab's resources with it",
      fix: `npm run lab -- bundle --verify ${source}`,
    });
  }
}

function damaged(file: string): LabError {
  return new LabError(
    {
      what: `"${file}" is not what SHA256SUMS of the bundle promises`,
      why: "A plugin is a program: one that was cut or changed is not run",
      fix: "npm run lab -- bundle DIR   (with a network; fetches what is damaged again)",
    },
    { exitCode: ExitCode.unfit },
  );
}
