import { ExitCode, LabError } from "../errors";
import { clusterName } from "../host";
import { clusterState, requireDocker } from "../host-check";
import { sleepingCluster } from "../host-problems";
import type { Session } from "./session";

/**
 * Stops a command that asks a lab whose nodes do not run, before it waits for an answer.
 * @throws LabError (exit code 2)
 */
export async function requireAwake({ stack, config, io }: Pick<Session, "stack" | "config" | "io">): Promise<void> {
  if (config.cluster !== "kind" || (await clusterState(stack, io.exec)) !== "paused") return;
  throw new LabError(sleepingCluster(stack, "paused"), { exitCode: ExitCode.usage });
}

/**
 * State of the cluster whose nodes a command wants to stop or to start.
 * @throws LabError (exit code 2) when there is no such cluster, or when it is not the lab's to stop
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
  const state = await clusterState(stack, io.exec);
  const name = clusterName(stack);
  if (state === "absent") {
    const what = `Docker has no node of lab "${stack}"`;
    throw refuse(
      what,
      `There is nothing to ${verb}`,
      `npm run up -- --stack ${stack}   (makes the lab, or makes it anew)`,
    );
  }
  if (state === "foreign") {
    const what = `A kind cluster "${name}" exists that this stack did not make`;
    throw refuse(what, "The lab never touches a cluster that is not its own", "npm run lab -- list   (shows the labs)");
  }
  return state;
}
