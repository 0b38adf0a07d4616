import { appbHost, principalOf } from "../../experiments/names";
import type { Bench } from "../bench";
import { DeadlineError, eventually } from "../eventually";
import { parseMetrics } from "../parse/metrics";
import { type ConnectionLine, parseConnectionLine } from "../parse/ztunnel-log";
import { recordsOf } from "../records";
import type { Finding } from "../report";
import { send } from "../send";
import { type CheckRun, failed, passed, skipped, unclear } from "./check";

const spiffe = (account: string): string => `spiffe://${principalOf(account)}`;

interface Leg {
  name: string;
  reporter: "source" | "destination";
  from: string;
  to: string;
  node: string;
}

/** Both legs of a request from appa carry proven identities: appa to the waypoint, the waypoint to appb. */
export const hbone: CheckRun<"hbone"> = async (bench, { name, sample }) => {
  const probe = { kind: "probe", name, to: "service", expect: { fate: "answered", through: [] } } as const;
  const answer = await send(bench, { ...probe, ...sample }, bench.signal);
  const [appa, appb] = await Promise.all([bench.cast.one("appa", bench.signal), bench.cast.one("appb", bench.signal)]);
  const first: Leg = { name: "appa → waypoint", reporter: "source", from: "appa", to: "waypoint", node: appa.node };
  const second: Leg = {
    name: "waypoint → appb",
    reporter: "destination",
    from: "waypoint",
    to: "appb",
    node: appb.node,
  };
  const { ztunnel } = await recordsOf(bench, answer, ["ztunnel"]);
  const own = "found" in ztunnel ? ztunnel.found.find(({ direction }) => direction === "outbound") : undefined;
  const allowed = bench.facts.settings.allowedCallers.includes("appa") && answer.status !== 403;
  return Promise.all([
    own ? judgeLeg(first, own) : byCounters(bench, first, reasonOf(ztunnel)),
    allowed
      ? pooledLeg(bench, second)
      : skipped(second.name, "ztunnel", `appa is refused at the waypoint (${answer.status})`),
  ]);
};

const reasonOf = (sought: object): string =>
  "unavailable" in sought ? String(sought.unavailable) : "ztunnel wrote no line about the connection";

function judgeLeg(leg: Leg, line: ConnectionLine): Finding {
  const { "src.identity": from = "none", "dst.identity": to = "none", "dst.hbone_addr": inner } = line.fields;
  const seen = `${from} → ${to}${inner ? ` for ${inner}` : ", without HBONE"}`;
  const evidence = [{ source: "ztunnel log", lines: [line.text] }];
  if (from === spiffe(leg.from) && to === spiffe(leg.to) && !line.error)
    return passed(leg.name, "ztunnel", seen, { evidence });
  const layer = from === spiffe(leg.from) && to !== "none" ? "waypoint" : "ztunnel";
  return failed(leg.name, layer, line.error ? `${seen}: ${line.error}` : seen, {
    expected: `${spiffe(leg.from)} → ${spiffe(leg.to)}`,
    evidence,
  });
}

/** The line of a pooled connection comes when it closes: any line of this run with the two identities will do. */
async function pooledLeg(bench: Bench, leg: Leg): Promise<Finding> {
  const pod = await bench.cast.ztunnelOn(leg.node, bench.signal);
  if (!pod) return failed(leg.name, "ztunnel", `no ready ztunnel on ${leg.node}`, { expected: "a ready ztunnel" });
  try {
    const line = await eventually(
      async () => {
        const read = await bench.logs.read(pod);
        if ("unavailable" in read) throw new Error(read.unavailable);
        const lines = read.lines.filter((text) => text.includes(spiffe(leg.to)) && text.includes(spiffe(leg.from)));
        const found = lines.flatMap((text) => parseConnectionLine(text) ?? []).find((item) => isLeg(item, leg));
        if (!found) throw new Error(`no line of ${spiffe(leg.from)} in the log of ${pod.name}`);
        return found;
      },
      {
        what: `the pooled connection to ${appbHost}`,
        deadlineMs: bench.timings.pooledMs,
        signal: bench.signal,
        clock: bench.clock,
      },
    );
    return judgeLeg(leg, line);
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    return byCounters(bench, leg, error.message);
  }
}

const isLeg = ({ direction, fields, error }: ConnectionLine, leg: Leg): boolean =>
  direction === "inbound" &&
  !error &&
  fields["src.identity"] === spiffe(leg.from) &&
  fields["dst.identity"] === spiffe(leg.to);

/** The second source: connections that ztunnel counted under both identities. */
async function byCounters(bench: Bench, leg: Leg, why: string): Promise<Finding> {
  const pod = await bench.cast.ztunnelOn(leg.node, bench.signal);
  if (!pod) return failed(leg.name, "ztunnel", `no ready ztunnel on ${leg.node}`, { expected: "a ready ztunnel" });
  const answer = await bench.world.podGet(pod, 15020, "/stats/prometheus", bench.signal);
  const series = parseMetrics(answer.body).filter(
    ({ name, labels }) =>
      name === "istio_tcp_connections_opened_total" &&
      labels.reporter === leg.reporter &&
      labels.source_principal === spiffe(leg.from) &&
      labels.destination_principal === spiffe(leg.to) &&
      labels.connection_security_policy === "mutual_tls",
  );
  const count = series.reduce((sum, { value }) => sum + value, 0);
  const seen = `${pod.name} counts ${count} connections ${spiffe(leg.from)} → ${spiffe(leg.to)} (${why})`;
  const evidence = [{ source: "ztunnel metrics", lines: [seen] }];
  if (count > 0) return passed(leg.name, "ztunnel", seen, { evidence });
  const expected = "connections with both identities";
  if (answer.status !== 200)
    return unclear(leg.name, "ztunnel", `${why}; metrics: status ${answer.status}`, { expected, evidence });
  return failed(leg.name, "ztunnel", seen, { expected, evidence });
}
