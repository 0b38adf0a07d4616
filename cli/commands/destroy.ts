import { rm } from "node:fs/promises";
import type { Command } from "commander";
import { backendOfFolder } from "../../host/docker-networks";
import { LabError, UsageError } from "../../host/errors";
import { listNodes } from "../../host/kind-nodes";
import { labOwner } from "../../host/lab-owner";
import { type ClusterAddress, clusterName, ownCluster, stackDir } from "../../host/paths";
import { shellWord } from "../../host/shell";
import { requireDocker } from "../../preflight/host";
import { engineFailure, lockRefusal } from "../engine/failure";
import { Follower } from "../engine/follow";
import type { Engine, StackState } from "../engine/types";
import { findReplaced } from "../recovery/drift";
import { removeLeftovers } from "../recovery/leftovers";
import { repairStack } from "../recovery/repair-stack";
import { installedMesh, sweepMesh } from "../recovery/sweep";
import { labAddress, sameAddress } from "../stack/lab";
import { requireOwnCluster } from "../stack/running-lab";
import { type CommonOptions, openSession, type Session, sessionEngine, stackExists } from "../stack/session";
import { withdrawSettings } from "../stack/settings";
import { requireConsent } from "../terminal/consent";
import { pulumiCommand } from "../toolchain/tools";
import { type CommandContext, common, examples, json, jsonText, yes } from "./common";

/** `destroy`: removes the lab, its cluster, its state and its files. */
export function registerDestroy(program: Command, { io }: CommandContext): void {
  const command = program.command("destroy").description("remove the lab, its cluster, its state and its files");
  examples(yes(json(common(command))), "npm run destroy", "npm run destroy -- --stack alice --yes");
  command.action(async (options: CommonOptions & { yes?: boolean; json?: boolean }) => {
    const session = openSession(io, options);
    const { stack, config, progress } = session;
    if (!options.yes) {
      await requireConsent(io, `Destroy lab "${stack}" and all that is in it?`, {
        denied: `Lab "${stack}" stays`,
        needed: `The removal of lab "${stack}" needs consent`,
        fix: `npm run destroy -- --stack ${stack} --yes`,
      });
    }
    // Without Docker the cluster would stay, and the record of its owner would be deleted.
    if (config.cluster === "kind") {
      await requireDocker(io.exec);
      await requireOwnCluster(session);
    }
    const engine = await progress.phase("Tools", () => sessionEngine(session, { install: true, makesClusters: true }));
    const existed = await stackExists(engine, stack);
    if (existed) await progress.phase(`Destroy "${stack}"`, () => destroy(engine, session));
    io.signal.throwIfAborted();
    // The user agreed to the removal of the cluster, in the state or not.
    const left = await removeLeftovers(session, undefined, async () => true);
    const other = backendOfFolder(stack, labOwner(io));
    if (other) progress.line(`  ! ${stackDir(stack)} stays: it holds the files of the lab with the state in ${other}`);
    else await rm(stackDir(stack), { recursive: true, force: true });
    withdrawSettings(io.root, stack);
    if (config.imageCache)
      progress.line("The registries' caches stay for other labs; docs/how-to/work-offline.md removes them");
    if (options.json) return void io.stdout.write(jsonText({ stack, existed }));
    io.stdout.write(
      existed || left
        ? `Lab "${stack}" is gone. Back again: npm run up -- --stack ${stack}\n`
        : `There is no lab "${stack}".\n`,
    );
  });
}

async function destroy(engine: Engine, session: Session): Promise<void> {
  const { io, stack, progress } = session;
  const { signal } = io;
  const follower = new Follower(progress);
  let state: StackState | undefined;
  try {
    state = await repairStack(engine, session, { operation: "destroy" });
    await requireOwnObjects(state, session);
    await follower.during((onEvent) => engine.destroy({ onEvent, signal }));
  } catch (cause) {
    if (cause instanceof LabError) throw cause;
    const { diagnostics } = follower;
    const failure = engineFailure({ operation: "destroy", stack, diagnostics, interrupted: signal.aborted, cause });
    // An engine that has just started may not have created anything in Docker yet.
    if (signal.aborted || lockRefusal(cause, stack) || !(await nothingIsLeft(session))) throw failure;
    progress.line(`  ! ${failure.what}`);
    progress.line("  Docker has neither container nor network of the lab any more: the rest of the state is dropped");
    await engine.remove({ force: true });
    return;
  }
  const address = labAddress(state?.resources ?? []);
  const clusterStays = address && !sameAddress(address, ownCluster(stack));
  if (clusterStays && state && installedMesh(state)) await sweep(session, address);
  await engine.remove();
}

/**
 * Requires that an existing cluster has no object of another owner with the name of one of the stack's objects.
 * @throws UsageError that names them
 */
async function requireOwnObjects(state: StackState | undefined, { stack }: Session): Promise<void> {
  const address = labAddress(state?.resources ?? []);
  if (!state || !address || sameAddress(address, ownCluster(stack))) return;
  const replaced = await findReplaced(state.resources, address);
  if (replaced.length === 0) return;
  throw new UsageError({
    what: `The cluster has objects that replace those of lab "${stack}": ${replaced.map(({ object }) => object).join(", ")}`,
    why: "Another client created them under the same names, and the engine would delete them",
    fix: replaced
      .map(
        ({ urn }) =>
          `${pulumiCommand(`state delete --yes --stack ${stack} ${shellWord(urn)}`)}   (forgets it; then run destroy again)`,
      )
      .join("\n"),
  });
}

/** Removes the objects that an uninstalled Istio leaves in an existing cluster. */
async function sweep({ progress }: Session, address: ClusterAddress): Promise<void> {
  const swept = await sweepMesh(address);
  if (!swept) return progress.line("  What Istio leaves is not looked for: another istiod runs, or no cluster answers");
  progress.line(`  Removed what Istio leaves: ${swept.removed.length} objects`);
  if (swept.stay.length > 0) progress.line(`  ! In use by others, and left: ${swept.stay.join(", ")}`);
}

/** Whether Docker answers and has neither a node nor the network of the stack. */
async function nothingIsLeft({ io, stack, config }: Session): Promise<boolean> {
  if (config.cluster !== "kind") return false;
  const name = clusterName(stack);
  const nodes = await listNodes(io.exec, "{{.ID}}", name);
  const networks = await io.exec("docker", ["network", "ls", "--quiet", "--filter", `name=^${name}$`]);
  return [nodes, networks].every(({ code, stdout }) => code === 0 && stdout.trim() === "");
}
