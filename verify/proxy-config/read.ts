import { ports } from "../../config/vocabulary";
import type { WaypointName } from "../../experiments/slices";
import { messageOf } from "../../host/errors";
import type { VerifyContext } from "../context";
import type { LabPod } from "../pods";
import { unobservable } from "../precondition-error";
import { type ProxySummary, parseEnvoyDump } from "./envoy-dump";
import { parseZtunnelDump, type ZtunnelDump } from "./ztunnel-dump";

/** The configuration of a ztunnel. */
export async function ztunnelDump(context: Pick<VerifyContext, "lab" | "signal">, pod: LabPod): Promise<ZtunnelDump> {
  return parseZtunnelDump(await dump(context, pod, "ztunnel", "/config_dump"));
}

/** The configuration of a gateway or waypoint. */
export async function proxySummary(context: VerifyContext, role: "gateway" | WaypointName): Promise<ProxySummary> {
  const pod = await context.podFinder.one(role, context.signal);
  return parseEnvoyDump(await dump(context, pod, role === "gateway" ? role : "waypoint", "/config_dump?include_eds"));
}

async function dump(
  context: Pick<VerifyContext, "lab" | "signal">,
  pod: LabPod,
  layer: "ztunnel" | "gateway" | "waypoint",
  path: string,
) {
  try {
    const answer = await context.lab.podGet(pod, ports.admin, path, context.signal);
    if (answer.status !== 200) throw new Error(`status ${answer.status}`);
    const parsed: unknown = JSON.parse(answer.body);
    return parsed;
  } catch (error) {
    context.signal.throwIfAborted();
    throw unobservable(layer, `cannot read the configuration of ${pod.name}: ${messageOf(error)}`, error);
  }
}
