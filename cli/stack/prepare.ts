import { existsSync } from "node:fs";
import type { LabConfig } from "../../config/schema";
import { clusterState } from "../../host/cluster-state";
import { LabError } from "../../host/errors";
import { clusterName, ownCluster } from "../../host/paths";
import { claimPort, unclaimPort } from "../../host/port-claims";
import { type GatewayPorts, gatewayPorts, portIsFree, portKeys, portsOfOthers } from "../../host/ports";
import { checkHost, type HostFacts } from "../../preflight/host";
import type { Engine } from "../engine/types";
import type { ConfirmPrompt } from "../recovery/leftovers";
import { repairStack } from "../recovery/repair-stack";
import { createStack, type Session } from "./session";
import { setPort } from "./settings";

/**
 * Chooses the ports of a new cluster: the configured ports, else those derived from the stack's name, else the next free ones.
 * They stay claimed until this process ends, since the command of another stack may choose before kind listens on them.
 * @returns the ports to set in the configuration; none for configured ports, and for a cluster that exists
 */
export async function choosePorts({
  io,
  stack,
  config,
}: Pick<Session, "io" | "stack" | "config">): Promise<Partial<GatewayPorts>> {
  const open = portKeys.filter((key) => !config[key]);
  if (config.cluster !== "kind" || open.length === 0) return {};
  if ((await clusterState(stack, io.exec)) !== "absent") return {};
  const own = gatewayPorts(config, stack);
  const cluster = clusterName(stack);
  const taken = await portsOfOthers(cluster, io.exec);
  const fits = async (port: number) => {
    if (taken.has(port) || !claimPort(port, cluster, io.claimFolder)) return false;
    if (await portIsFree(port)) return true;
    unclaimPort(port, cluster, io.claimFolder);
    return false;
  };
  const chosen: Partial<GatewayPorts> = {};
  for (const key of open) if (!(await fits(own[key]))) chosen[key] = await nextPort(own[key], key, fits);
  return chosen;
}

/**
 * Runs the program's checks of the machine, and reports a restored kubeconfig.
 * @throws LabErrors (exit code 4) with every problem at once
 */
export async function hostFacts({ stack, io, progress }: Session, config: LabConfig): Promise<HostFacts> {
  const { kubeconfig } = ownCluster(stack);
  const had = existsSync(kubeconfig);
  const facts = await checkHost(config, stack, io.exec, { lostClusterIsFine: true, examined: true });
  if (!had && existsSync(kubeconfig)) progress.line("  The kubeconfig file of the lab was gone: it is written again");
  return facts;
}

/**
 * Repairs the stack or creates a new one, selects it, and records the chosen ports in its settings.
 * @throws LabError (exit code 2) when leftovers of a lost state may not be removed
 */
export async function prepareStack(
  engine: Engine,
  session: Session,
  ports: Partial<GatewayPorts>,
  agree: ConfirmPrompt,
): Promise<void> {
  const { io, stack, progress } = session;
  if (!(await repairStack(engine, session, { operation: "up", agree }))) await createStack(engine, session);
  await engine.select();
  for (const key of portKeys) {
    const port = ports[key];
    if (port === undefined) continue;
    setPort(io.root, stack, key, port);
    progress.line(`  The stack's own port is in use: it gets ${port} (${key} in Pulumi.${stack}.yaml)`);
  }
}

async function nextPort(
  port: number,
  key: keyof GatewayPorts,
  fits: (port: number) => Promise<boolean>,
): Promise<number> {
  const tries = 100;
  for (let candidate = port + 1; candidate <= port + tries; candidate += 1) {
    if (await fits(candidate)) return candidate;
  }
  throw new LabError({
    what: `No port between ${port} and ${port + tries} on 127.0.0.1 is free`,
    why: "The lab publishes its gateway on one",
    fix: `npm run lab -- config set ${key} PORT   (a free one, 1024 to 65535)`,
  });
}
