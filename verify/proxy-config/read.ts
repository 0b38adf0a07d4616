import type { WaypointName } from "../../experiments/types";
import { messageOf } from "../../host/errors";
import type { Bench } from "../context";
import type { Actor } from "../pods";
import { Obstacle } from "../precondition-error";
import { type ProxySummary, parseEnvoyDump } from "./envoy-dump";
import { parseZtunnelDump, type ZtunnelDump } from "./ztunnel-dump";

/** Admin port of ztunnel and Envoy; it listens on the pod's loopback only. */
const adminPort = 15000;

/** What a ztunnel knows. */
export async function ztunnelDump(bench: Pick<Bench, "world" | "signal">, pod: Actor): Promise<ZtunnelDump> {
  return parseZtunnelDump(await dump(bench, pod, "ztunnel", "/config_dump"));
}

/** What a proxy was told. */
export async function proxySummary(bench: Bench, role: "gateway" | WaypointName): Promise<ProxySummary> {
  const pod = await bench.cast.one(role, bench.signal);
  return parseEnvoyDump(await dump(bench, pod, role === "gateway" ? role : "waypoint", "/config_dump?include_eds"));
}

async function dump(
  bench: Pick<Bench, "world" | "signal">,
  pod: Actor,
  layer: "ztunnel" | "gateway" | "waypoint",
  path: string,
) {
  try {
    const answer = await bench.world.podGet(pod, adminPort, path, bench.signal);
    if (answer.status !== 200) throw new Error(`status ${answer.status}`);
    const parsed: unknown = JSON.parse(answer.body);
    return parsed;
  } catch (error) {
    bench.signal.throwIfAborted();
    const message = `cannot read the configuration of ${pod.name}: ${messageOf(error)}`;
    throw new Obstacle(layer, message, { verdict: "inconclusive", cause: error });
  }
}
