import type { LabFacts } from "../../experiments/types";
import { type ClusterState, lookAtCluster } from "../../host/cluster-state";
import { UsageError } from "../../host/errors";
import { requireDocker } from "../../preflight/host";
import { foreignCluster, sleepingCluster } from "../../preflight/problems";
import type { Io } from "../terminal/io";
import { labFacts, readOutputs } from "./lab";
import { openSession, type Session, sessionEngine, stackExists } from "./session";

/**
 * The living lab of the asked stack.
 * @throws LabError (exit code 2) when there is none or when it is paused; LabError when it was never finished
 */
export async function runningLab(io: Io, { stack }: { stack?: string }): Promise<LabFacts> {
  const session = openSession(io, stack === undefined ? {} : { stack });
  const engine = await sessionEngine(session, { install: false, makesClusters: false });
  if (!(await stackExists(engine, session.stack))) throw labNotFound(session.stack);
  const facts = labFacts(session.stack, readOutputs(await engine.outputs()));
  await requireRunning(session);
  return facts;
}

/** There is no stack of that name. */
export const labNotFound = (stack: string) =>
  new UsageError({
    what: `There is no lab "${stack}"`,
    why: "This command works on a lab that is up; its stack is not in the backend",
    fix: `npm run up -- --stack ${stack}   (makes it), or: npm run lab -- list   (shows the labs that there are)`,
  });

/**
 * Stops a command that asks a lab whose nodes do not run, before it waits for an answer.
 * @throws LabError (exit code 2)
 */
async function requireRunning({ stack, config, io }: Pick<Session, "stack" | "config" | "io">): Promise<void> {
  if (config.cluster !== "kind") return;
  const state = await requireOwnCluster({ stack, io });
  if (state === "paused") throw new UsageError(sleepingCluster(stack, state));
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
  if (state === "foreign") throw new UsageError(foreignCluster(stack, owner));
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
  const refuse = (what: string, why: string, fix: string) => new UsageError({ what, why, fix });
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
      `npm run up -- --stack ${stack}   (creates the lab, or creates it again)`,
    );
  }
  return state;
}
