import { type Command, Option } from "commander";
import type { GatewayPorts } from "../../host/ports";
import { exitCodeFor } from "../../verify";
import { isWorthKeeping, keptText } from "../bug-report";
import { checkIds, examine, refuseUnfit } from "../doctor/examine";
import { engineFailure } from "../engine/failure";
import { Follower } from "../engine/follow";
import type { Engine } from "../engine/types";
import { previewText } from "../preview";
import { reconcileDrift } from "../recovery/drift";
import { repairLabMesh, waitForLab } from "../recovery/mesh";
import { clusterAddress, finishedLab, labFacts, readOutputs, summaryText } from "../stack/lab";
import { startNodes } from "../stack/nodes";
import { choosePorts, hostFacts, prepareStack } from "../stack/prepare";
import { type CommonOptions, openSession, type Session, sessionEngine } from "../stack/session";
import { rememberSettings } from "../stack/settings";
import { resolveStack } from "../stack/stack-name";
import { ConsentDeniedError, consentToChange } from "../terminal/consent";
import { seconds } from "../terminal/progress";
import { type Disturbance, disturbanceText, measureDisturbance, type Upgrade, upgradeOf } from "../traffic";
import { type CommandContext, common, examples, json, jsonText, yes } from "./common";
import { preview } from "./preview";
import { prove, reportFailedProofs } from "./verify";

interface UpOptions extends CommonOptions {
  yes?: boolean;
  json?: boolean;
  preview?: boolean;
  verify: boolean;
  ignore: string[];
}

/** `up`: from a machine with Node.js and Docker to a lab that has proved itself. */
export function registerUp(program: Command, context: CommandContext): void {
  const command = program.command("up").description("create or update the lab, then verify it");
  examples(
    yes(json(common(command)))
      .option("--preview", "show what would change and ask first")
      .option("-c, --config <key=value...>", "set keys of the stack's configuration first")
      .option("--no-verify", "do not verify the lab afterwards")
      .addOption(
        new Option("--ignore <checks...>", "continue although these checks of doctor fail")
          .choices(checkIds)
          .default([]),
      ),
    "npm run up",
    "npm run up -- --stack alice --yes",
    "npm run up -- --preview",
    "npm run up -- --config istioVersion=1.31.2   # upgrades Istio and counts the requests that failed meanwhile",
    "npm run up -- --config faultPercent=30 --config 'addons=[prometheus, kiali]'",
  );
  command.action((options: UpOptions) => up(options, context));
}

/** Brings the lab to its configuration and prints its addresses. Sets the exit code of the proofs. */
export async function up(options: UpOptions, context: CommandContext): Promise<void> {
  const { io } = context;
  const restoreSettings = rememberSettings(io.root, resolveStack(options.stack, io));
  const session = openSession(io, options);
  try {
    await makeAndProve(session, options, context);
  } catch (thrown) {
    // A declined change of --config must not be made by the next "up".
    if (thrown instanceof ConsentDeniedError) restoreSettings();
    if (isWorthKeeping(thrown, session)) context.note(await keptText("up", thrown, session));
    throw thrown;
  }
}

async function makeAndProve(session: Session, options: UpOptions, { io, end }: CommandContext): Promise<void> {
  const { stack, config, progress } = session;
  const { ports, fresh, installedIstio } = await progress.phase("Machine", () =>
    requireFitMachine(session, options.ignore),
  );
  const engine = await progress.phase("Tools", () =>
    sessionEngine(session, { install: true, makesClusters: true, ignored: options.ignore }),
  );
  const agree = async (question: string) => options.yes || ((await io.confirm?.(question)) ?? false);
  await progress.phase("Stack", () => prepareStack(engine, session, ports, agree));
  if (options.preview) {
    const { model } = await progress.phase("Preview", () => preview(engine, session, {}));
    io.stderr.write(previewText(model));
  }
  if (options.preview || config.cluster === "existing") await consentToChange(session, options);
  if (fresh) await waitForLab(engine, session);
  const upgrade = upgradeOf(installedIstio, config.istioVersion);
  const { changed, noticed } = await progress.phase(`Lab "${stack}"`, () => change(engine, session, upgrade));
  const outputs = await repairLabMesh(engine, session);
  const proven = options.verify ? await prove(session, labFacts(stack, outputs)) : undefined;
  if (proven) end(exitCodeFor(proven));
  progress.line(progress.phases.map(({ title, ms }) => `${title} ${seconds(ms)}`).join(" · "));
  if (proven) reportFailedProofs(session, proven);
  const result = { stack, changed, ...(noticed ? { upgrade: noticed } : {}), ...outputs };
  io.stdout.write(options.json ? jsonText(result) : summaryText(stack, outputs));
}

/** Facts about the machine that `up` needs. */
interface FitMachine {
  /** Ports that the stack is to get, if it needs any. */
  ports: Partial<GatewayPorts>;
  /** Whether the nodes were started just now. */
  fresh: boolean;
  /** Version of Istio that the lab's cluster runs now. */
  installedIstio?: string;
}

/** Refuses what cannot go well before anything is made. */
async function requireFitMachine(session: Session, ignored: readonly string[]): Promise<FitMachine> {
  const { io, stack, config } = session;
  refuseUnfit(await examine(io, stack, config), ignored);
  const fresh = config.cluster === "kind" && (await startNodes(session));
  const ports = await choosePorts(session);
  // The program checks the same for a plain "pulumi up". Here the check comes before a stack is created.
  const { installedIstio } = await hostFacts(session, { ...config, ...ports });
  return { ports, fresh, installedIstio };
}

/** What became of a lab's change. */
interface Changed {
  /** Number of changed resources. */
  changed: number;
  /** The upgrade that it was, and what the callers noticed of it. */
  noticed?: Upgrade & Partial<Disturbance>;
}

/** Brings the lab to its configuration; while Istio's version changes, requests go through it and are counted. */
async function change(engine: Engine, session: Session, upgrade: Upgrade | undefined): Promise<Changed> {
  const { io, stack, progress } = session;
  const work = async () => {
    const { resources } = await engine.state();
    const where = { address: clusterAddress(session), ofOthers: session.config.cluster === "existing" };
    await reconcileDrift(resources, where, (line) => progress.line(`  ${line}`));
    return apply(engine, session);
  };
  const before = upgrade && finishedLab(stack, readOutputs(await engine.outputs()));
  if (!upgrade || !before) return { changed: await work() };
  progress.line(`  Istio ${upgrade.from} becomes ${upgrade.to}: requests go through the gateway meanwhile`);
  let noticed: Changed["noticed"];
  const counted = (seen: Disturbance | undefined) => {
    noticed = { ...upgrade, ...seen };
    progress.line(`  ${disturbanceText(noticed)}`);
  };
  const changed = await measureDisturbance(before, work, { signal: io.signal, counted });
  return { changed, noticed };
}

/** Runs the engine; returns the number of changed resources. */
async function apply(engine: Engine, { io, stack, progress }: Session): Promise<number> {
  const follower = new Follower(progress);
  try {
    await follower.during((onEvent) => engine.up({ onEvent, signal: io.signal }));
    return follower.changed;
  } catch (cause) {
    const { diagnostics } = follower;
    throw engineFailure({ operation: "up", stack, diagnostics, interrupted: io.signal.aborted, cause });
  }
}
