import { ports, principalOf } from "../../config/vocabulary";
import { appbHost } from "../../experiments/names";
import type { VerifyContext } from "../context";
import { DeadlineError, eventually } from "../eventually";
import { type ConnectionLine, connectionOf } from "../logs/ztunnel-log";
import { parseMetrics } from "../probe/metrics";
import { recordsOf } from "../probe/records";
import { send } from "../probe/send";
import type { Finding } from "../report/schema";
import { type CheckRun, failed, passed, skipped, unclear } from "./check";

const spiffe = (account: string): string => `spiffe://${principalOf(account)}`;

interface Leg {
  name: string;
  reporter: "source" | "destination";
  from: string;
  to: string;
  node: string;
  /** Whether the connection is pooled: it serves many requests, and may be older than this run. */
  pooled: boolean;
}

/** Verifies that both legs of a request from appa have authenticated identities: appa to the waypoint, and the waypoint to appb. */
export const hbone: CheckRun<"hbone"> = async (context, { name, sample }) => {
  const probe = { kind: "probe", name, to: "service", expect: { outcome: "answered", through: [] } } as const;
  const [appa, appb] = await Promise.all([
    context.podFinder.one("appa", context.signal),
    context.podFinder.one("appb", context.signal),
  ]);
  const first: Leg = {
    name: "appa → waypoint",
    reporter: "source",
    from: "appa",
    to: "waypoint",
    node: appa.node,
    pooled: false,
  };
  const second: Leg = {
    name: "waypoint → appb",
    reporter: "destination",
    from: "waypoint",
    to: "appb",
    node: appb.node,
    pooled: true,
  };
  const [before, beforeSecond] = await Promise.all([opened(context, first), opened(context, second)]);
  const answer = await send(context, { ...probe, ...sample }, context.signal);
  const { ztunnel } = await recordsOf(context, answer, ["ztunnel"]);
  const own = "found" in ztunnel ? ztunnel.found.findLast(({ direction }) => direction === "outbound") : undefined;
  const mayCall = context.facts.settings.allowedCallers.includes("appa");
  const secondLeg = () => {
    const refused = `appa is refused at the waypoint (${answer.status})`;
    if (!mayCall) return skipped(second.name, "ztunnel", refused);
    if (answer.status === 403)
      return failed(second.name, "waypoint", refused, { expected: "the request is forwarded to appb" });
    return pooledLeg(context, second, beforeSecond);
  };
  return Promise.all([
    own ? judgeLeg(first, own, answer.status > 0) : byCounters(context, first, reasonOf(ztunnel), before),
    secondLeg(),
  ]);
};

const reasonOf = (sought: object): string =>
  "unavailable" in sought ? String(sought.unavailable) : "ztunnel wrote no line about the connection";

/** The error of a connection with an answer is ignored, because curl closes the connection first. */
function judgeLeg(leg: Leg, line: ConnectionLine, answered: boolean): Finding {
  const { "src.identity": from = "none", "dst.identity": to = "none", "dst.hbone_addr": inner } = line.fields;
  const seen = `${from} → ${to}${inner ? ` for ${inner}` : ", without HBONE"}`;
  const evidence = [{ source: "ztunnel log", lines: [line.text] }];
  const error = answered ? undefined : line.error;
  const connections = [connectionOf(line)];
  if (from === spiffe(leg.from) && to === spiffe(leg.to) && !error)
    return { ...passed(leg.name, "ztunnel", seen, { evidence }), connections };
  const layer = from === spiffe(leg.from) && to !== "none" ? "waypoint" : "ztunnel";
  const expected = `${spiffe(leg.from)} → ${spiffe(leg.to)}`;
  return { ...failed(leg.name, layer, error ? `${seen}: ${error}` : seen, { expected, evidence }), connections };
}

/** ztunnel logs a pooled connection when it closes: any line of this run with both identities counts. */
async function pooledLeg(context: VerifyContext, leg: Leg, before: number | undefined): Promise<Finding> {
  const pod = await context.podFinder.ztunnelOn(leg.node, context.signal);
  if (!pod) return failed(leg.name, "ztunnel", `no ready ztunnel on ${leg.node}`, { expected: "a ready ztunnel" });
  try {
    const line = await eventually(
      async () => {
        const read = await context.logs.read(pod);
        if ("unavailable" in read) throw new Error(read.unavailable);
        const found = read.connections.find((item) => isLeg(item, leg));
        if (!found) throw new Error(`no line of ${spiffe(leg.from)} in the log of ${pod.name}`);
        return found;
      },
      {
        what: `the pooled connection to ${appbHost}`,
        deadlineMs: context.timings.pooledMs,
        signal: context.signal,
        clock: context.clock,
      },
    );
    return judgeLeg(leg, line, true);
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    return byCounters(context, leg, error.message, before);
  }
}

const isLeg = ({ direction, fields, error }: ConnectionLine, leg: Leg): boolean =>
  direction === "inbound" &&
  !error &&
  fields["src.identity"] === spiffe(leg.from) &&
  fields["dst.identity"] === spiffe(leg.to);

/** Number of connections between both identities in ztunnel's metrics; undefined when the metrics cannot be read. */
async function opened(context: VerifyContext, leg: Leg): Promise<number | undefined> {
  const pod = await context.podFinder.ztunnelOn(leg.node, context.signal);
  const answer = pod && (await context.lab.podGet(pod, ports.metrics, "/stats/prometheus", context.signal));
  if (answer?.status !== 200) return undefined;
  const series = parseMetrics(answer.body).filter(
    ({ name, labels }) =>
      name === "istio_tcp_connections_opened_total" &&
      labels.reporter === leg.reporter &&
      labels.source_principal === spiffe(leg.from) &&
      labels.destination_principal === spiffe(leg.to) &&
      labels.connection_security_policy === "mutual_tls",
  );
  return series.reduce((sum, { value }) => sum + value, 0);
}

/** The finding by the second source: the increase of the counter during the request. */
async function byCounters(context: VerifyContext, leg: Leg, why: string, before: number | undefined): Promise<Finding> {
  const pod = await context.podFinder.ztunnelOn(leg.node, context.signal);
  if (!pod) return failed(leg.name, "ztunnel", `no ready ztunnel on ${leg.node}`, { expected: "a ready ztunnel" });
  const after = await opened(context, leg);
  const expected = "connections with both identities";
  if (before === undefined || after === undefined)
    return unclear(leg.name, "ztunnel", `${why}; the metrics of ${pod.name} cannot be read`, { expected });
  const whose = `connections ${spiffe(leg.from)} → ${spiffe(leg.to)}`;
  const seen = `${pod.name} counts ${after} ${whose}, ${after - before} of them since the request (${why})`;
  const evidence = [{ source: "ztunnel metrics", lines: [seen] }];
  if (after > before) return passed(leg.name, "ztunnel", seen, { evidence });
  const verdict = leg.pooled && after > 0 ? unclear : failed;
  return verdict(leg.name, "ztunnel", seen, { expected, evidence });
}
