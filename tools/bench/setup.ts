import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { engineEnvironment } from "../../cli/engine/environment";
import { choosePorts } from "../../cli/stack/prepare";
import { changeConfig, readConfig } from "../../cli/stack/settings";
import type { Io } from "../../cli/terminal/io";
import { childSignal } from "../../cli/terminal/process-io";
import type { Progress } from "../../cli/terminal/progress";
import { ensureTools } from "../../cli/toolchain/ensure";
import { ensurePlugins } from "../../cli/toolchain/plugins";
import type { LabConfig } from "../../config/schema";
import { ExitCode, LabError } from "../../host/errors";
import { run } from "../../host/exec";
import { shellWord } from "../../host/shell";
import { writeEmptyProgram } from "./empty-program";
import { ownerFile, type Workshop } from "./workshop";

/** A workshop in which engine and tools are at hand. */
export interface Bench extends Workshop {
  io: Io;
  progress: Progress;
  config: LabConfig;
  /** Path of the pulumi program. */
  pulumi: string;
  env: Record<string, string>;
  /** Ends what runs, when the user or the system ends the command. */
  signal: AbortSignal;
  /** Folder of the lab's settings; the checkout's own stay as they are. */
  settings: string;
  /** Folder of the empty program. */
  empty: string;
}

/**
 * Sets the workshop up: settings, a state of its own, the tools, the stacks.
 * @throws LabError for a configuration that is refused (exit code 2), and for tools that cannot be had
 */
export async function setUp(
  workshop: Workshop,
  { io, progress, pairs }: { io: Io; progress: Progress; pairs: readonly string[] },
): Promise<Bench> {
  const { folder, stack } = workshop;
  const [settings, empty, state] = [join(folder, "settings"), join(folder, "empty"), join(folder, "state")];
  for (const each of [settings, state]) mkdirSync(each, { recursive: true });
  writeFileSync(ownerFile(workshop), `${process.pid}\n`);
  cpSync(join(io.root, "Pulumi.yaml"), join(settings, "Pulumi.yaml"));
  let config = pairs.length > 0 ? changeConfig(settings, stack, pairs) : readConfig(settings, stack);
  if (config.cluster !== "kind") throw notKind();
  const ports = Object.entries(await choosePorts({ io, stack, config, progress }));
  if (ports.length > 0)
    config = changeConfig(
      settings,
      stack,
      ports.map((pair) => pair.join("=")),
    );
  writeEmptyProgram(empty, io.root);

  const source = config.artifactSource;
  const say = (line: string) => progress.line(line);
  const mirror = source ? { source } : {};
  const tools = await ensureTools(io, { needed: ["pulumi", "kind"], install: true, say, ...mirror });
  const env = {
    ...engineEnvironment(io.env, tools.binFolders),
    // A state somewhere in a network would be measured with the lab.
    PULUMI_BACKEND_URL: `file://${state}`,
    PULUMI_CONFIG_PASSPHRASE: "",
  };
  await ensurePlugins({ ...{ pulumi: tools.pulumi, env, exec: io.exec, say }, ...mirror });
  // One listener for all commands to come.
  const signal = childSignal(io.signal);
  for (const cwd of [settings, empty]) {
    await run(io.exec, tools.pulumi, ["stack", "init", stack, "--no-select", "--non-interactive"], {
      ...{ cwd, env, signal },
      why: "The benchmark's lab and its empty program need a state to live in",
      fix: `pulumi version; df -h ${shellWord(folder)}   (is there room?)`,
    });
  }
  return { ...workshop, io, progress, config, pulumi: tools.pulumi, env, signal, settings, empty };
}

const notKind = () =>
  new LabError(
    {
      what: 'The benchmark was asked for "cluster: existing"',
      why: "Making and deleting the cluster is most of what it measures",
      fix: "npm run bench   (with the default, cluster=kind)",
    },
    { exitCode: ExitCode.usage },
  );
