import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Command } from "commander";
import { engineFailure } from "../engine/failure";
import { Follower } from "../engine/follow";
import type { Engine } from "../engine/types";
import { PolicyCollector, PreviewCollector, type PreviewModel, previewText } from "../preview";
import { driftTexts, findDrift } from "../recovery/drift";
import { labAddress } from "../stack/lab";
import {
  type CommonOptions,
  createStack,
  openSession,
  type Session,
  sessionEngine,
  stackExists,
} from "../stack/session";
import { changedSettings, settingsFile, withdrawSettings } from "../stack/settings";
import type { Io } from "../terminal/io";
import { type CommandContext, common, examples, json, jsonText } from "./common";

/** `preview`: shows what `up` would change, as a sentence and a line per component. */
export function registerPreview(program: Command, { io }: CommandContext): void {
  const command = program.command("preview").description('show what "up" would change; changes nothing');
  examples(
    json(common(command))
      .option("--diff", "print Pulumi's own diff of the properties")
      .option(
        "-c, --config <key=value...>",
        "use these values in place of the stack's own; the stack's configuration is not changed",
      )
      .option("--policy", "check the program with the policy pack in policies/"),
    "npm run preview",
    "npm run preview -- --config 'allowedCallers=[gateway]' faultPercent=30",
    "npm run preview -- --diff --stack alice",
    "npm run preview -- --policy",
  );
  command.action(async (options: PreviewOptions & { json?: boolean }) => {
    const { model, text } = await previewChange(options, io);
    io.stdout.write(options.json ? jsonText(model) : options.diff ? text : previewText(model));
  });
}

interface PreviewOptions extends CommonOptions {
  diff?: boolean;
  policy?: boolean;
}

/** Previews `up`, with the `key=value` pairs of `config` instead of the stack's own settings. */
export async function previewChange(options: PreviewOptions, io: Io): Promise<{ model: PreviewModel; text: string }> {
  const { config: pairs = [], ...others } = options;
  const session = openSession(io, others);
  // Errors of the settings are reported before anything starts.
  if (pairs.length > 0) changedSettings(io.root, session.stack, pairs);
  const engine = await sessionEngine(session, { install: true, makesClusters: false });
  return inStack(engine, session, () =>
    withSettings(session, pairs, (settings) => preview(engine, session, { ...options, ...settings })),
  );
}

/** Runs a preview and collects the changes. */
export async function preview(
  engine: Engine,
  { io, stack, progress }: Session,
  { diff = false, policy = false, configFile }: { diff?: boolean; policy?: boolean; configFile?: string },
): Promise<{ model: PreviewModel; text: string }> {
  const collector = new PreviewCollector();
  const guard = new PolicyCollector();
  const follower = new Follower(progress);
  const drift = await driftOf(engine);
  try {
    const text = await follower.during((onEvent) =>
      engine.preview({
        diff,
        ...(configFile ? { configFile } : {}),
        ...(policy ? { policyPack: join(io.root, "policies") } : {}),
        signal: io.signal,
        onEvent: (event) => {
          collector.add(event);
          guard.add(event);
          onEvent({ ...event, resourcePreEvent: undefined, resOutputsEvent: undefined });
        },
      }),
    );
    for (const line of guard.unclear) progress.line(`! ${line}`);
    return { model: collector.model(stack, drift), text };
  } catch (cause) {
    guard.throwIfBroken();
    // Drift may be the reason.
    for (const line of drift) progress.line(`! ${line}`);
    const { diagnostics } = follower;
    throw engineFailure({ operation: "preview", stack, diagnostics, interrupted: io.signal.aborted, cause });
  }
}

/** Lines about the drift, which `up` reconciles before it runs the engine. */
async function driftOf(engine: Engine): Promise<string[]> {
  const { resources } = await engine.state();
  const address = labAddress(resources);
  const drift = address && (await findDrift(resources, address));
  return drift ? driftTexts(drift) : [];
}

/** Runs the work with a temporary settings file that contains the pairs. */
async function withSettings<T>(
  { io, stack }: Session,
  pairs: readonly string[],
  work: (settings: { configFile?: string }) => Promise<T>,
): Promise<T> {
  if (pairs.length === 0) return work({});
  const folder = mkdtempSync(join(tmpdir(), "ambient-lab-preview-"));
  try {
    const configFile = join(folder, basename(settingsFile(io.root, stack)));
    writeFileSync(configFile, changedSettings(io.root, stack, pairs).text, { mode: 0o600 });
    return await work({ configFile });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs the work on an existing stack, as the engine requires: a missing stack is created, and removed afterwards. */
async function inStack<T>(engine: Engine, session: Session, work: () => Promise<T>): Promise<T> {
  const { io, stack } = session;
  if (await stackExists(engine, stack)) return work();
  await createStack(engine, session);
  try {
    return await work();
  } finally {
    await engine.remove();
    withdrawSettings(io.root, stack);
  }
}
