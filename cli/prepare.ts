import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { LabConfig } from "../config";
import { LabError } from "../errors";
import { type ClusterAddress, clusterName, derivedPort, ownCluster, portIsFree, stackDir } from "../host";
import { checkHost, clusterIsLost, clusterState, type HostFacts } from "../host-check";
import { recordBackend } from "./backend-record";
import { Follower } from "./engine/follow";
import type { Engine, StackState } from "./engine/types";
import { openHelmReleases } from "./helm-releases";
import { type Agree, clearLeftovers } from "./leftovers";
import { clearDeadLocks } from "./locks";
import { recover } from "./recover";
import { createStack, type Session, stackExists } from "./session";
import { setPort } from "./settings";

/**
 * Finds the port of the cluster that is to be made: the configured one, else the stack's own, else the next that is free.
 * @returns undefined when it is not ours to choose
 */
export async function choosePort({ io, stack, config }: Session): Promise<number | undefined> {
  if (config.cluster !== "kind" || config.httpPort) return undefined;
  const derived = derivedPort(stack);
  if ((await clusterState(stack, io.exec)) !== "absent" || (await portIsFree(derived))) return undefined;
  return freePortAfter(derived);
}

/**
 * Looks at the machine as the program will, and says when the kubeconfig of a living cluster was lost.
 * @throws LabErrors (exit code 4) with every problem at once
 */
export async function hostFacts({ stack, io, progress }: Session, config: LabConfig): Promise<HostFacts> {
  const { kubeconfig } = ownCluster(stack);
  const had = existsSync(kubeconfig);
  const facts = await checkHost(config, stack, io.exec, { lostClusterIsFine: true });
  if (!had && existsSync(kubeconfig)) progress.line("  The kubeconfig file of the lab was gone: it is written again");
  return facts;
}

/**
 * Makes the stack if it is new, selects it, fixes the chosen port, and mends what a killed run or a lost state left.
 * @throws LabError (exit code 2) when what is left may not be removed
 */
export async function prepareStack(
  engine: Engine,
  session: Session,
  port: number | undefined,
  agree: Agree,
): Promise<void> {
  const fresh = !(await stackExists(engine, session.stack));
  if (fresh) {
    await clearLeftovers(session, undefined, agree);
    await createStack(engine, session);
  }
  await engine.select();
  if (port !== undefined) {
    setPort(session.io.root, session.stack, port);
    session.progress.line(
      `  The stack's own port is in use: it gets ${port} (httpPort in Pulumi.${session.stack}.yaml)`,
    );
  }
  if (!fresh) await clearLeftovers(session, await mend(engine, session), agree);
  await forgetLostCluster(engine, session);
  await recordBackend(session.io, session.stack);
}

/**
 * Empties the state of a lab whose cluster is gone. In a plain update the engine would first delete every object of it, one
 * by one, on an API server that does not answer; a destroy knows that they went with the cluster.
 */
async function forgetLostCluster(engine: Engine, { io, stack, config, progress }: Session): Promise<void> {
  if (config.cluster !== "kind" || !(await clusterIsLost(stack, io.exec))) return;
  progress.line(`  The cluster of lab "${stack}" is gone: it is made anew`);
  const follower = new Follower(progress);
  await follower.during((onEvent) => engine.destroy({ onEvent, signal: io.signal }));
  await rm(stackDir(stack), { recursive: true, force: true });
}

/** Clears dead locks and unfinished business; a live engine is respected. @returns the state after that */
export async function mend(engine: Engine, session: Session): Promise<StackState> {
  const { io, stack, config, progress } = session;
  const say = (line: string) => progress.line(`  ${line}`);
  const locks = await clearDeadLocks(stack, { ...io, say });
  if (locks > 0) say("A run that was killed had left its lock: removed");
  const releases = await openHelmReleases(clusterAddress(session));
  const follower = new Follower(progress);
  return follower.during((onEvent) =>
    recover({
      ...{ engine, releases, say, onEvent },
      exec: io.exec,
      cluster: clusterName(stack),
      signal: io.signal,
      ownCluster: config.cluster === "kind",
      wasKilled: locks > 0,
    }),
  );
}

/** Where the stack's cluster is, whether it runs or not. */
export function clusterAddress({ stack, config }: Pick<Session, "stack" | "config">): ClusterAddress {
  return config.cluster === "kind"
    ? ownCluster(stack)
    : { kubeconfig: config.kubeconfig ?? "", context: config.context ?? "" };
}

async function freePortAfter(port: number): Promise<number> {
  const tries = 100;
  for (let candidate = port + 1; candidate <= port + tries; candidate += 1) {
    if (await portIsFree(candidate)) return candidate;
  }
  throw new LabError({
    what: `No port between ${port} and ${port + tries} on 127.0.0.1 is free`,
    why: "The lab publishes its gateway on one",
    fix: "pulumi config set httpPort PORT   (a free one, 1024 to 65535)",
  });
}
