import { type Command, Option } from "commander";
import { lookAtCluster } from "../../host/cluster-state";
import type { GatewayPorts } from "../../host/ports";
import { shellWord } from "../../host/shell";
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
import { requireNodesOfState } from "../stack/running-lab";
import { type CommonOptions, openSession, type Session, sessionEngine } from "../stack/session";
import { rememberSettings } from "../stack/settings";
import { resolveStack } from "../stack/stack-name";
import { ConsentDeniedError, requireConsent } from "../terminal/consent";
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

/** `up`: creates or updates the lab, and verifies it. */
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

/** Brings the lab to its configuration, verifies it, and prints its addresses. Sets the exit code of the verdict. */
export async function up(options: UpOptions, context: CommandContext): Promise<void> {
  const { io } = context;
  const restoreSettings = rememberSettings(io.root, resolveStack(options.stack, io));
  const session = openSession(io, options);
  try {
    await updateAndVerify(session, options, context);
  } catch (thrown) {
    // The next "up" must not make a change of --config that the user declined.
    if (thrown instanceof ConsentDeniedError) restoreSettings();
    if (isWorthKeeping(thrown, session)) context.note(await keptText("up", thrown, session));
    throw thrown;
  }
}

async function updateAndVerify(session: Session, options: UpOptions, { io, end }: CommandContext): Promise<void> {
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
  if (!options.yes && (options.preview || config.cluster === "existing")) await consentToChange(session, options);
  if (fresh) await waitForLab(engine, session);
  const upgrade = upgradeOf(installedIstio, config.istioVersion);
  const { changed, noticed } = await progress.phase(`Lab "${stack}"`, () => change(engine, session, upgrade));
  const outputs = await repairLabMesh(engine, session);
  const proven = options.verify ? await prove(session, labFacts(stack, outputs)) : undefined;
  if (proven) end(exitCodeFor(proven));
  progress.line(progress.phases.map(({ title, ms }) => `${title} ${seconds(ms)}`).join(" · "));
  if (proven) reportFailedProofs(session, proven);
  const result = { stack, changed, upgrade: noticed, ...outputs };
  io.stdout.write(options.json ? jsonText(result) : summaryText(stack, outputs));
}

function consentToChange({ io, config, stack }: Session, { config: changes = [] }: CommonOptions): Promise<void> {
  const where =
    config.cluster === "existing" ? `context "${config.context}" of ${config.kubeconfig}` : `stack "${stack}"`;
  const pairs = changes.map((pair) => `--config ${shellWord(pair)} `).join("");
  return requireConsent(io, `Apply this to ${where}?`, {
    denied: "Nothing was changed",
    needed: `A change of ${where} needs consent`,
    fix: `npm run up -- --stack ${stack} ${pairs}--yes`,
  });
}

/** Facts about the machine that `up` needs. */
interface FitMachine {
  /** Ports to set in the stack's configuration, because its own are in use. */
  ports: Partial<GatewayPorts>;
  /** Whether nodes were just started. */
  fresh: boolean;
  /** Version of Istio that the cluster runs now; absent without Istio. */
  installedIstio?: string;
}

/**
 * Checks the machine, starts stopped nodes, and chooses ports.
 * @throws LabErrors (exit code 4) for a machine that does not meet the requirements
 */
async function requireFitMachine(session: Session, ignored: readonly string[]): Promise<FitMachine> {
  const { io, stack, config } = session;
  refuseUnfit(await examine(io, stack, config), ignored);
  const fresh = config.cluster === "kind" && (await startOwnNodes(session));
  const ports = await choosePorts(session);
  // The program repeats this check, for a plain "pulumi up". Here it precedes the creation of a stack.
  const { installedIstio } = await hostFacts(session, { ...config, ...ports });
  return { ports, fresh, installedIstio };
}

async function startOwnNodes(session: Session): Promise<boolean> {
  const seen = await lookAtCluster(session.stack, session.io.exec);
  if (seen.state === "paused" || seen.state === "stopped") await requireNodesOfState(session, seen, { install: true });
  return startNodes(session);
}

/** Result of an update. */
interface Changed {
  /** Number of changed resources. */
  changed: number;
  /** The upgrade of Istio in this update, and its effect on requests. */
  noticed?: Upgrade & Partial<Disturbance>;
}

/** Reconciles drift and runs the engine. During an upgrade of Istio, it sends requests and counts failures. */
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
