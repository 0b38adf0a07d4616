import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { LabConfig } from "../../config/schema";
import { backendFolder } from "../../host/backend";
import { clusterIsLost, clusterState } from "../../host/cluster-state";
import { LabError } from "../../host/errors";
import { type ClusterAddress, ownCluster, stackDir } from "../../host/paths";
import { type GatewayPorts, gatewayPorts, portIsFree, portKeys } from "../../host/ports";
import { checkHost, type HostFacts } from "../../preflight/host";
import { lockRefusal } from "../engine/failure";
import { Follower } from "../engine/follow";
import type { Engine, StackState } from "../engine/types";
import { openHelmReleases } from "../recovery/helm-releases";
import { type ConfirmPrompt, removeLeftovers } from "../recovery/leftovers";
import { findDeadLocks } from "../recovery/locks";
import { recover } from "../recovery/recover";
import { labAddress } from "./lab-address";
import { createStack, type Session, stackExists } from "./session";
import { setPort } from "./settings";

/**
 * Finds the ports of the cluster that is to be made: the configured ones, else the stack's own, else the next that are free.
 * @returns those that differ from configuration and name; none when they are not ours to choose
 */
export async function choosePorts({ io, stack, config }: Session): Promise<Partial<GatewayPorts>> {
  const open = portKeys.filter((key) => !config[key]);
  if (config.cluster !== "kind" || open.length === 0) return {};
  if ((await clusterState(stack, io.exec)) !== "absent") return {};
  const own = gatewayPorts(config, stack);
  const chosen: Partial<GatewayPorts> = {};
  for (const key of open) if (!(await portIsFree(own[key]))) chosen[key] = await freePortAfter(own[key], key);
  return chosen;
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
  ports: Partial<GatewayPorts>,
  agree: ConfirmPrompt,
): Promise<void> {
  const fresh = !(await stackExists(engine, session.stack));
  if (fresh) {
    await removeLeftovers(session, undefined, agree);
    await createStack(engine, session);
  }
  await engine.select();
  for (const key of portKeys) {
    const port = ports[key];
    if (port === undefined) continue;
    setPort(session.io.root, session.stack, key, port);
    session.progress.line(`  The stack's own port is in use: it gets ${port} (${key} in Pulumi.${session.stack}.yaml)`);
  }
  if (!fresh) await removeLeftovers(session, await mend(engine, session), agree);
  await forgetLostCluster(engine, session);
}

/**
 * Empties the state of a lab whose cluster is gone. In a plain update the engine would first delete every object of it, one
 * by one, on an API server that does not answer; a destroy knows that they went with the cluster.
 */
async function forgetLostCluster(engine: Engine, { io, stack, config, progress }: Session): Promise<void> {
  if (config.cluster !== "kind" || !(await clusterIsLost(stack, io.exec))) return;
  progress.line(`  The cluster of lab "${stack}" is gone: it is made anew`);
  const follower = new Follower(progress);
  await follower
    .during((onEvent) => engine.destroy({ onEvent, signal: io.signal }))
    .catch((cause: unknown) => {
      throw lockRefusal(cause, stack) ?? cause;
    });
  await rm(stackDir(stack), { recursive: true, force: true });
}

/**
 * Clears dead locks and unfinished operations.
 * @returns the state after that
 * @throws LabError while another engine is at work on the stack, or may be
 */
async function mend(engine: Engine, session: Session): Promise<StackState> {
  const { io, stack, progress } = session;
  const say = (line: string) => progress.line(`  ${line}`);
  const locks = await findDeadLocks(stack, { ...io, say });
  const openReleases = async (resources: StackState["resources"]) => {
    const address = labAddress(resources);
    return address && openHelmReleases(address);
  };
  const follower = new Follower(progress);
  const fileBackend = backendFolder(io) !== undefined;
  const { exec, signal } = io;
  return follower.during((onEvent) =>
    recover({ engine, stack, locks, fileBackend, exec, signal, openReleases, say, onEvent }),
  );
}

/** Where the stack's cluster is, whether it runs or not. */
export function clusterAddress({ stack, config }: Pick<Session, "stack" | "config">): ClusterAddress {
  return config.cluster === "kind"
    ? ownCluster(stack)
    : { kubeconfig: config.kubeconfig ?? "", context: config.context ?? "" };
}

async function freePortAfter(port: number, key: keyof GatewayPorts): Promise<number> {
  const tries = 100;
  for (let candidate = port + 1; candidate <= port + tries; candidate += 1) {
    if (await portIsFree(candidate)) return candidate;
  }
  throw new LabError({
    what: `No port between ${port} and ${port + tries} on 127.0.0.1 is free`,
    why: "The lab publishes its gateway on one",
    fix: `pulumi config set ${key} PORT   (a free one, 1024 to 65535)`,
  });
}
