import { rm } from "node:fs/promises";
import { backendFolder } from "../../host/backend";
import { clusterIsLost } from "../../host/cluster-state";
import { stackDir } from "../../host/paths";
import { lockRefusal } from "../engine/failure";
import { Follower } from "../engine/follow";
import type { Engine, StackState } from "../engine/types";
import { labAddress } from "../stack/lab";
import { type Session, stackExists } from "../stack/session";
import { openHelmReleases } from "./helm-releases";
import { type ConfirmPrompt, removeLeftovers, removeUnfinishedCluster, requireOwnNetwork } from "./leftovers";
import { findStaleLocks } from "./locks";
import { recover } from "./recover";

/** The operation that follows the repair. */
export type RepairFor =
  | { operation: "up" /** Asks before a cluster is removed. */; agree: ConfirmPrompt }
  | { operation: "destroy" };

/**
 * Repairs a stack whose last run was killed, whose state was lost, or whose cluster was lost, so that the engine can run. A
 * healthy stack is not changed. For `destroy`, only a killed run is repaired, without Helm's records: the cluster is deleted.
 * @returns the repaired state; undefined when the backend has no such stack
 * @throws LabError while another engine works on the stack, or (exit code 2) when leftovers may not be removed
 */
export async function repairStack(
  engine: Engine,
  session: Session,
  purpose: RepairFor,
): Promise<StackState | undefined> {
  const exists = await stackExists(engine, session.stack);
  const state = exists ? await recoverFromCrash(engine, session, purpose) : undefined;
  if (state) {
    if (purpose.operation === "up") await requireOwnNetwork(session, state);
    await removeUnfinishedCluster(session, state);
  }
  if (purpose.operation === "destroy") return state;
  await removeLeftovers(session, state, purpose.agree);
  await emptyStateOfLostCluster(exists ? engine : undefined, session);
  return state;
}

async function recoverFromCrash(engine: Engine, session: Session, { operation }: RepairFor): Promise<StackState> {
  const { io, stack, progress } = session;
  const { exec, signal } = io;
  const say = (line: string) => progress.line(`  ${line}`);
  const locks = await findStaleLocks(stack, { ...io, say });
  const openReleases = async (resources: StackState["resources"]) => {
    const address = operation === "up" ? labAddress(resources) : undefined;
    return address && openHelmReleases(address);
  };
  const fileBackend = backendFolder(io) !== undefined;
  return new Follower(progress).during((onEvent) =>
    recover({ engine, stack, locks, fileBackend, exec, signal, openReleases, say, onEvent }),
  );
}

/**
 * Empties the state of a lab whose cluster was lost. An update would first delete every object through an API server that does
 * not answer; a destroy drops the objects with the cluster.
 * @param engine absent when there is no stack
 */
async function emptyStateOfLostCluster(engine: Engine | undefined, { io, stack, config, progress }: Session) {
  if (config.cluster !== "kind" || !(await clusterIsLost(stack, io.exec))) return;
  progress.line(`  The cluster of lab "${stack}" was lost: it is created again`);
  await new Follower(progress)
    .during(async (onEvent) => engine?.destroy({ onEvent, signal: io.signal }))
    .catch((cause: unknown) => {
      throw lockRefusal(cause, stack) ?? cause;
    });
  await rm(stackDir(stack), { recursive: true, force: true });
}
