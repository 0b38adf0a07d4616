import { existsSync } from "node:fs";
import type { LabConfig } from "../../config/schema";
import { engineEnvironment, trustFolder } from "../engine/environment";
import type { Engine } from "../engine/types";
import type { Io } from "../terminal/io";
import { Progress } from "../terminal/progress";
import { ensureTools } from "../toolchain/install";
import { ensurePlugins } from "../toolchain/plugins";
import type { Tool } from "../toolchain/tools";
import { changeConfig, markSettings, readConfig, settingsFile } from "./settings";
import { resolveStack } from "./stack-name";
import { requireProjectLayout } from "./state-ownership";

/** Options of every command. */
export interface CommonOptions {
  stack?: string;
  quiet?: boolean;
  verbose?: boolean;
  /** `key=value` pairs for the stack's settings. */
  config?: readonly string[];
}

/** A command's work on a stack. */
export interface Session {
  io: Io;
  stack: string;
  config: LabConfig;
  progress: Progress;
}

/**
 * Resolves the stack, and reads or changes its configuration.
 * @throws LabError (exit code 2) for an invalid name or configuration
 */
export function openSession(io: Io, options: CommonOptions): Session {
  const stack = resolveStack(options.stack, io);
  const changes = options.config ?? [];
  const config = changes.length > 0 ? changeConfig(io.root, stack, changes) : readConfig(io.root, stack);
  const { caFile } = config;
  const trusting = caFile ? { ...io, fetcher: trustingFetcher(io, caFile) } : io;
  return { io: trusting, stack, config, progress: new Progress(io) };
}

const trustingFetcher =
  ({ fetcher }: Io, caFile: string): Io["fetcher"] =>
  (address, _caFile, timeoutMs) =>
    fetcher(address, caFile, timeoutMs);

/** Options of {@link sessionEngine}. */
export interface EngineUse {
  /** Whether missing tools are installed. */
  install: boolean;
  /** Whether the command creates or deletes clusters, and so needs kind. */
  makesClusters: boolean;
  /** Ids of checks of Docker that do not stop the program. @default none */
  ignored?: readonly string[];
}

/**
 * The engine for the session's stack.
 * @throws LabError (exit code 2) for a backend with Pulumi's legacy layout, (exit code 4) for a missing tool
 */
export async function sessionEngine(
  { io, stack, config, progress }: Session,
  { install, makesClusters, ignored = [] }: EngineUse,
): Promise<Engine> {
  requireProjectLayout(io);
  const source = config.artifactSource;
  const say = (line: string) => progress.line(line);
  const needed: Tool["name"][] = makesClusters && config.cluster === "kind" ? ["pulumi", "kind"] : ["pulumi"];
  const tools = await ensureTools(io, {
    needed,
    install,
    source,
    say,
  });
  const ca = config.caFile ?? io.env.NODE_EXTRA_CA_CERTS;
  const env = {
    ...engineEnvironment(io.env, tools.binFolders, ca && (await trustFolder(ca))),
    ...(ignored.length > 0 ? { AMBIENT_LAB_IGNORE: ignored.join() } : {}),
  };
  if (install && source) await ensurePlugins({ pulumi: tools.pulumi, source, env, exec: io.exec, say });
  return io.openEngine({ stack, root: io.root, pulumi: tools.pulumi, env, exec: io.exec });
}

/** Whether the backend has a stack. */
export async function stackExists(engine: Engine, stack: string): Promise<boolean> {
  return (await engine.list()).some(({ name }) => name.split("/").at(-1) === stack);
}

/** Creates the session's stack. A settings file that this creates is marked as the lab's. */
export async function createStack(engine: Engine, { io, stack }: Session): Promise<void> {
  const had = existsSync(settingsFile(io.root, stack));
  await engine.create();
  if (!had) markSettings(io.root, stack);
}
