import { join } from "node:path";
import type { Command } from "commander";
import { Follower } from "../engine/follow";
import type { Engine } from "../engine/types";
import { engineFailure } from "../failure";
import { PreviewCollector, type PreviewModel } from "../preview/model";
import { PolicyCollector } from "../preview/policy";
import { previewText } from "../preview/text";
import { type CommonOptions, createStack, openSession, type Session, sessionEngine, stackExists } from "../session";
import { withdrawSettings } from "../settings";
import { type CommandContext, common, examples, json, jsonText } from "./common";

/** `preview`: what `up` would change, as a sentence and a line per component. */
export function registerPreview(program: Command, { io }: CommandContext): void {
  const command = program.command("preview").description('tell what "up" would change; changes nothing');
  examples(
    json(common(command))
      .option("--diff", "print the engine's own property diff")
      .option("--policy", "hold the program against the guard-rails in policies/"),
    "npm run preview",
    "pulumi config set --path 'allowedCallers[0]' gateway && npm run preview",
    "npm run preview -- --diff --stack alice",
    "npm run preview -- --policy",
  );
  command.action(async (options: CommonOptions & { json?: boolean; diff?: boolean; policy?: boolean }) => {
    const session = openSession(io, options);
    const engine = await sessionEngine(session, { install: true, makesClusters: false });
    const { model, text } = await inStack(engine, session, () => preview(engine, session, options));
    io.stdout.write(options.json ? jsonText(model) : options.diff ? text : previewText(model));
  });
}

/** Runs a preview and collects what it would change. */
export async function preview(
  engine: Engine,
  { io, stack, progress }: Session,
  { diff = false, policy = false }: { diff?: boolean; policy?: boolean },
): Promise<{ model: PreviewModel; text: string }> {
  const collector = new PreviewCollector();
  const guard = new PolicyCollector();
  const follower = new Follower(progress);
  try {
    const text = await follower.during((onEvent) =>
      engine.preview({
        diff,
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
    return { model: collector.model(stack), text };
  } catch (cause) {
    guard.throwIfBroken();
    const { diagnostics } = follower;
    throw engineFailure({ operation: "preview", stack, diagnostics, interrupted: io.signal.aborted, cause });
  }
}

/** The engine previews only a stack that exists: one that does not is made for the moment and taken away again. */
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
