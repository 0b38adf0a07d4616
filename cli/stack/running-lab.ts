import type { LabFacts } from "../../experiments/types";
import { type ClusterState, lookAtCluster, type SeenCluster } from "../../host/cluster-state";
import { UsageError } from "../../host/errors";
import { isService, labOwner } from "../../host/lab-owner";
import { requireDocker } from "../../preflight/host";
import { foreignCluster, sleepingCluster } from "../../preflight/problems";
import type { Io } from "../terminal/io";
import { labFacts, networkIdOf, readOutputs } from "./lab";
import { openSession, type Session, sessionEngine, stackExists } from "./session";

/**
 * The running lab of a stack.
 * @throws UsageError when there is none or when it is paused; LabError when it was never finished
 */
export async function runningLab(io: Io, { stack }: { stack?: string }): Promise<LabFacts> {
  const session = openSession(io, { stack });
  const engine = await sessionEngine(session, { install: false, makesClusters: false });
  if (!(await stackExists(engine, session.stack))) throw labNotFound(session.stack);
  const facts = labFacts(session.stack, readOutputs(await engine.outputs()));
  await requireRunning(session);
  return facts;
}

/** The problem of a stack that does not exist. */
export const labNotFound = (stack: string) =>
  new UsageError({
    what: `There is no lab "${stack}"`,
    why: "This command works on a lab that is up; its stack is not in the backend",
    fix: `npm run up -- --stack ${stack}   (makes it), or: npm run lab -- list   (shows the labs that there are)`,
  });

/** @throws UsageError for a paused lab, before a command waits for its cluster */
async function requireRunning({ stack, config, io }: Pick<Session, "stack" | "config" | "io">): Promise<void> {
  if (config.cluster !== "kind") return;
  const { state } = await requireOwnCluster({ stack, io });
  if (state === "paused") throw new UsageError(sleepingCluster(stack, state));
}

/**
 * The stack's own cluster.
 * @throws UsageError for a cluster with its name that the stack did not create
 */
export async function requireOwnCluster({ stack, io }: Pick<Session, "stack" | "io">): Promise<SeenCluster> {
  const seen = await lookAtCluster(stack, io.exec);
  if (seen.state === "foreign") throw new UsageError(foreignCluster(stack, seen.owner));
  return seen;
}

/**
 * Requires that the nodes of a cluster were started in the network of the stack's state, where a service keeps the state: stacks of
 * the same name in two of its organizations have the same owner. Call this before nodes are started or stopped.
 * @param install whether a missing Pulumi CLI is installed
 * @throws UsageError for nodes of another lab
 */
export async function requireNodesOfState(
  session: Session,
  { owner, networkIds }: SeenCluster,
  { install }: { install: boolean },
): Promise<void> {
  const { stack, io } = session;
  if (!isService(labOwner(io))) return;
  const engine = await sessionEngine(session, { install, makesClusters: false });
  const own = (await stackExists(engine, stack)) ? networkIdOf((await engine.state()).resources) : undefined;
  if (own === undefined || networkIds.some((id) => id !== own)) throw new UsageError(foreignCluster(stack, owner));
}

/**
 * State of the kind cluster whose nodes a command stops or starts.
 * @throws UsageError without such a cluster, for a cluster of another lab, and for an existing cluster
 */
export async function ownNodes(session: Session, verb: "pause" | "resume"): Promise<ClusterState> {
  const { stack, config, io } = session;
  if (config.cluster === "existing") {
    throw new UsageError({
      what: `Lab "${stack}" is on a cluster of yours (context "${config.context}")`,
      why: `"${verb}" stops and starts the containers of the lab's own nodes; a cluster that others use is not the lab's to stop`,
      fix: `npm run destroy -- --stack ${stack}   (takes the lab off it; "up" brings it back)`,
    });
  }
  await requireDocker(io.exec);
  const seen = await requireOwnCluster(session);
  if (seen.state !== "absent") {
    await requireNodesOfState(session, seen, { install: false });
    return seen.state;
  }
  throw new UsageError({
    what: `Docker has no node of lab "${stack}"`,
    why: `There is nothing to ${verb}`,
    fix: `npm run up -- --stack ${stack}   (creates the lab, or creates it again)`,
  });
}
