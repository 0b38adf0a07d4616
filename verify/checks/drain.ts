import type { VerifyContext } from "../context";
import { PreconditionError } from "../precondition-error";
import { waypointMetrics } from "../probe/counters";

/** Filter chains and listeners of an earlier configuration that still serve connections (Envoy's listener manager). */
const gauges = /^envoy_listener_manager_total_(filter_chains|listeners)_draining$/;

/**
 * A changed configuration holds for new connections only. Those that were open, as the gateway keeps them to the waypoint,
 * are served by the old one until Envoy has drained them (`drainDuration`): a request on one of them proves nothing.
 *
 * @throws PreconditionError while the waypoint still drains; a proxy that does not expose the gauges is taken for done
 */
export async function requireDrained(context: VerifyContext): Promise<void> {
  const series = (await waypointMetrics(context)).flat().filter(({ name }) => gauges.test(name));
  const draining = series.reduce((sum, { value }) => sum + value, 0);
  if (draining === 0) return;
  const message = `${draining} filter chains of the configuration before still serve the connections that were open`;
  throw new PreconditionError("waypoint", message, { verdict: "inconclusive" });
}
