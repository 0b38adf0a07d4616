import { rm } from "node:fs/promises";
import { canonicalBackend } from "../../host/backend";
import { clusterState } from "../../host/cluster-state";
import { backendOfFolder, networkNamed, readNetworks } from "../../host/docker-networks";
import { type LabError, UsageError } from "../../host/errors";
import { run } from "../../host/exec";
import { isService, labOwner } from "../../host/lab-owner";
import { clusterName, stackDir } from "../../host/paths";
import { foreignCluster, foreignNetwork, removalCommand, unprovenLab } from "../../preflight/problems";
import type { StackState } from "../engine/types";
import { parseUrn } from "../engine/urn";
import { networkIdOf } from "../stack/lab";
import { nodesOf, nodesText } from "../stack/nodes";
import type { Session } from "../stack/session";

/** Asks the user a yes/no question; resolves to false without a terminal. */
export type ConfirmPrompt = (question: string) => Promise<boolean>;

/**
 * Removes nodes and network of the stack that are not in its state, because the state was lost. The labels of the network must
 * name this stack and this owner. A cluster is removed only with consent, an empty network without.
 * @param state absent when there is no stack
 * @returns whether anything was removed
 * @throws UsageError without consent, and for a lab that is not proven to belong to this owner
 */
export async function removeLeftovers(
  session: Session,
  state: StackState | undefined,
  agree: ConfirmPrompt,
): Promise<boolean> {
  const { io, stack, config, progress } = session;
  const name = clusterName(stack);
  if (config.cluster !== "kind" || networkIdOf(state?.resources ?? []) !== undefined) return false;
  const network = networkNamed(stack, await readNetworks(io.exec));
  if (network?.stack !== stack || (await clusterState(stack, io.exec)) === "foreign") return false;
  const owner = labOwner(io);
  const found = await nodesOf(stack, io.exec);
  // The lab may be that of a stack in another organization.
  if (network.owner !== owner || isService(owner)) {
    throw new UsageError(unprovenLab(stack, network.owner, { nodes: found.length > 0 }));
  }
  const nodes = found.map((node) => node.name);
  if (nodes.length > 0) {
    progress.line(
      `  Docker has ${nodesText(nodes.length)} of lab "${stack}" that are not in the state: the state was lost`,
    );
    progress.status("");
    if (!(await agree(`Remove the cluster of lab "${stack}" and all that is in it?`))) throw removalDenied(session);
  }
  const docker = dockerOf(session, `It is a leftover of lab "${stack}", whose state was lost`);
  if (nodes.length > 0) await docker("rm", "--force", "--volumes", ...nodes);
  await docker("network", "rm", name);
  // Labs of two backends may share the folder.
  if (!backendOfFolder(stack, owner)) await rm(stackDir(stack), { recursive: true, force: true });
  progress.line(`  Removed the leftovers of lab "${stack}" in Docker: ${nodesText(nodes.length)}, its network`);
  return true;
}

/**
 * Requires that the network with the stack's name is the one in the state. Otherwise another lab replaced it, for example of a
 * stack with this name in another organization, and the engine would change that lab's objects.
 * @throws UsageError for another network
 */
export async function requireOwnNetwork({ io, stack, config }: Session, { resources }: StackState): Promise<void> {
  const recorded = networkIdOf(resources);
  if (config.cluster !== "kind" || !recorded) return;
  const network = networkNamed(stack, await readNetworks(io.exec));
  if (!network || network.id === recorded) return;
  const nodes = await nodesOf(stack, io.exec);
  throw new UsageError((nodes.length > 0 ? foreignCluster : foreignNetwork)(stack, network.owner));
}

/**
 * Removes the nodes of a cluster that is not in the state although its network is: the command, its engine or kind was killed
 * during the creation. The nodes would prevent the engine from removing the network. The id of the network in the state proves
 * that they are the lab's.
 */
export async function removeUnfinishedCluster(session: Session, { resources }: StackState): Promise<void> {
  const { io, stack, config, progress } = session;
  const recorded = networkIdOf(resources);
  if (config.cluster !== "kind" || !recorded || resources.some(isCluster)) return;
  const network = networkNamed(stack, await readNetworks(io.exec));
  if (network?.id !== recorded || (await clusterState(stack, io.exec)) === "foreign") return;
  const nodes = (await nodesOf(stack, io.exec)).map((node) => node.name);
  if (nodes.length === 0) return;
  const docker = dockerOf(session, `A killed run of lab "${stack}" left an unfinished cluster`);
  await docker("rm", "--force", "--volumes", ...nodes);
  progress.line(`  A killed run left an unfinished cluster: removed, ${nodesText(nodes.length)}`);
}

/** Runs Docker commands. The Fix of a failure is a command that removes the lab by hand. */
function dockerOf({ io, stack }: Session, why: string) {
  const fix = `${removalCommand(stack)}   (then run the command again)`;
  return (...args: string[]) => run(io.exec, "docker", args, { why, fix, timeoutMs: 120_000 });
}

const isCluster = ({ urn }: StackState["resources"][number]) => parseUrn(urn).name === "cluster-kind";

function removalDenied({ io, stack }: Session): LabError {
  return new UsageError({
    what: `Docker has the cluster of lab "${stack}", and it is not in the state in ${canonicalBackend(io)}`,
    why: "Its state was lost, and a cluster without a state can only be removed",
    fix: `npm run up -- --stack ${stack} --yes   (removes the cluster and makes the lab again)`,
  });
}
