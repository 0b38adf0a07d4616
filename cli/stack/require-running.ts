import { type ClusterState, lookAtCluster } from "../../host/cluster-state";
import { ExitCode, LabError } from "../../host/errors";
import { requireDocker } from "../../preflight/host";
import { foreignCluster, sleepingCluster } from "../../preflight/problems";
import type { Session } from "./session";

/**
 * Stops a command that asks a lab whose nodes do not run, before it waits for an answer.
 * @throws LabError (exit code 2)
 */
export async function requireRunning({ stack, config, io }: Pick<Session, "stack" | "config" | "io">): Promise<void> {
  if (config.cluster !== "kind") return;
  const state = await requireOwnCluster({ stack, io });
  if (state === "paused") throw new LabError(sleepingCluster(stack, state), { exitCode: ExitCode.usage });
}

/**
 * Stops a command before it asks or changes a cluster that has the name of the stack's and is not the stack's.
 * @returns state of the stack's own cluster
 * @throws LabError (exit code 2)
 */
export async function requireOwnCluster({
  stack,
  io,
}: Pick<Session, "stack" | "io">): Promise<Exclude<ClusterState, "foreign">> {
  const { state, owner } = await lookAtCluster(stack, io.exec);
  if (state === "foreign") throw new LabError(foreignCluster(stack, owner), { exitCode: ExitCode.usage });
  return state;
}

/**
 * State of the cluster whose nodes a command wants to stop or to start.
 * @throws LabError (exit code 2) when there is no such cluster, or when it is not the lab's to stop or start
 */
export async function ownNodes(
  { stack, config, io }: Session,
  verb: "pause" | "resume",
): Promise<"running" | "stopped" | "paused"> {
  const refuse = (what: string, why: string, fix: string) =>
    new LabError({ what, why, fix }, { exitCode: ExitCode.usage });
  if (config.cluster === "existing") {
    throw refuse(
      `Lab "${stack}" is on a cluster of yours (context "${config.context}")`,
      `"${verb}" stops and starts the containers of the lab's own nodes; a cluster that others use is not the lab's to stop`,
      `npm run destroy -- --stack ${stack}   (takes the lab off it; "up" brings it back)`,
    );
  }
  await requireDocker(io.exec);
  const state = await requireOwnCluster({ stack, io });
  if (state === "absent") {
    const what = `Docker has no node of lab "${stack}"`;
    throw refuse(
      what,
      `There is nothing to ${verb}`,
      `npm run up -- --stack ${stack}   (makes the lab, or makes it anew)`,
    );
  }
  return state;
}
