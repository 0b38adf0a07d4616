import { type CostPath, costPaths, costWaypoint, serverOf } from "../../modules/cost/objects";
import { health } from "../../modules/grpc/objects";
import type { VerifyContext } from "../context";
import { DeadlineError, eventually } from "../eventually";
import { recordsIn, unavailableIn } from "../logs/log-reader";
import type { ConnectionLine } from "../logs/ztunnel-log";
import { type LabPod, sidecarOf } from "../pods";
import { longestLogMs } from "../probe/records";
import type { Finding } from "../report/schema";
import { protocolNames } from "./judge";
import type { LoadResult, RequestKind } from "./load";
import type { CostSetup } from "./setup";
import { sum } from "./statistics";

/** The log of a proxy, and the expected lines for a load: one for each request, or none. */
interface ProxyLog {
  proxy: string;
  layer: "waypoint" | "ztunnel" | "sidecar";
  pods: readonly LabPod[];
  kind: "requests" | "connections";
  /** Whether the load must be in the log. */
  wanted: boolean;
}

/** A load that was sent on a path. */
export interface Load {
  id: string;
  kind: RequestKind;
  result: LoadResult;
}

/** The loads of each path, one for each kind of requests. */
export type Loads = ReadonlyMap<CostPath, readonly Load[]>;

/**
 * Verifies that each path uses its proxies and no other ones: the access logs of waypoint and sidecars have each
 * request of a load once, or none; the log of ztunnel has connections from the client to the server by each protocol, or none.
 */
export async function routesTaken(context: VerifyContext, setup: CostSetup, loads: Loads): Promise<Finding[]> {
  return Promise.all(
    costPaths.map(async (path): Promise<Finding> => {
      const own = loads.get(path) ?? [];
      const name = routeNames[path];
      const proxyLogs = await proxyLogsOf(context, setup, path);
      let records: LogCount[] = [];
      const problemIn = () => records.find(({ problem }) => problem)?.problem;
      const look = async () => {
        records = (
          await Promise.all(proxyLogs.map((proxyLog) => logCountsOf(context, setup, path, own, proxyLog)))
        ).flat();
        const problem = problemIn();
        if (problem) throw new Error(problem.seen);
      };
      const waiting = { what: "log lines", deadlineMs: longestLogMs(context), intervalMs: 500 };
      await eventually(look, { ...waiting, signal: context.signal, clock: context.clock }).catch((error: unknown) => {
        if (!(error instanceof DeadlineError)) throw error;
      });
      const evidence = [{ source: "records", lines: records.map(({ text }) => text) }];
      const problem = problemIn();
      if (problem) return { name, layer: layerOf[path], ...problem, expected: name, evidence };
      const countOf = (proxy: string) => sum(records.filter((each) => each.proxy === proxy).map(({ count }) => count));
      const seen = proxyLogs.map(({ proxy }) => `${proxy} ${countOf(proxy)}`);
      return { name, verdict: "pass", layer: layerOf[path], seen: `lines of the logs: ${seen.join(", ")}`, evidence };
    }),
  );
}

/** Number of lines in the log of a proxy for one load, or for all loads of a path by one protocol. */
interface LogCount {
  proxy: string;
  count: number;
  text: string;
  problem?: Misroute;
}

/** Requests are counted for each load. Connections have no ID, so those of all loads by one protocol are counted together. */
async function logCountsOf(
  context: VerifyContext,
  setup: CostSetup,
  path: CostPath,
  loads: readonly Load[],
  proxyLog: ProxyLog,
): Promise<LogCount[]> {
  const { proxy, kind } = proxyLog;
  const result = async (own: readonly Load[]): Promise<LogCount> => {
    const lines = await linesOf(context, setup, path, own, proxyLog);
    const sent = sum(own.map(({ result }) => result.sent));
    const about = `${sent} requests by ${own.map(named).join(", ")}`;
    return {
      ...{ proxy, count: lines.count ?? 0, text: `${proxy}: ${lines.count ?? "unreadable"} lines of ${about}` },
      ...(hasExpectedLines(proxyLog, lines.count, sent) ? {} : { problem: misroute(proxyLog, lines, about) }),
    };
  };
  if (kind === "requests") return Promise.all(loads.map((load) => result([load])));
  const protocols = [...new Set(loads.map((load) => load.kind.protocol))];
  return Promise.all(protocols.map((protocol) => result(loads.filter((load) => load.kind.protocol === protocol))));
}

const named = ({ kind: { protocol, connections } }: Load): string =>
  `${protocolNames[protocol]} on ${connections} connections`;

const layerOf = { none: "app", ztunnel: "ztunnel", waypoint: "waypoint", sidecar: "sidecar" } as const;

const routeNames: Readonly<Record<CostPath, string>> = {
  none: "requests outside the mesh pass no proxy",
  ztunnel: "requests of the ambient mesh pass ztunnel alone",
  waypoint: "requests to a Service with a waypoint pass ztunnel and the waypoint",
  sidecar: "requests between sidecars pass both sidecars and no ztunnel",
};

async function proxyLogsOf(
  { podFinder, signal }: VerifyContext,
  { endpoints }: CostSetup,
  path: CostPath,
): Promise<ProxyLog[]> {
  const [waypoints, ztunnels] = await Promise.all([
    podFinder.all(costWaypoint, signal),
    podFinder.all("ztunnel", signal),
  ]);
  const onNode = (node: string) => ztunnels.filter((pod) => pod.node === node);
  const ambient = path === "ztunnel" || path === "waypoint";
  return [
    { proxy: "waypoint", layer: "waypoint", pods: waypoints, kind: "requests", wanted: path === "waypoint" },
    {
      proxy: "ztunnel of the client",
      layer: "ztunnel",
      pods: onNode(endpoints[path].client.node),
      kind: "connections",
      wanted: ambient,
    },
    {
      proxy: "sidecar of the client",
      layer: "sidecar",
      pods: [sidecarOf(endpoints.sidecar.client)],
      kind: "requests",
      wanted: path === "sidecar",
    },
    {
      proxy: "sidecar of the server",
      layer: "sidecar",
      pods: [sidecarOf(endpoints.sidecar.server)],
      kind: "requests",
      wanted: path === "sidecar",
    },
  ];
}

async function linesOf(
  { logs }: VerifyContext,
  { endpoints }: CostSetup,
  path: CostPath,
  loads: readonly Load[],
  { pods, kind }: ProxyLog,
): Promise<{ count: number; unavailable?: never } | { count?: never; unavailable: string }> {
  const reads = await Promise.all(pods.map((pod) => logs.read(pod)));
  const failed = unavailableIn(reads);
  if (failed) return failed;
  if (kind === "requests")
    return { count: recordsIn(reads, kind, ({ text }) => loads.some(({ id }) => text.includes(id))).length };
  const own = recordsIn(
    reads,
    "connections",
    (line) =>
      line.fields["src.workload"] === endpoints[path].client.name &&
      (line.fields["dst.service"] ?? "").startsWith(`${serverOf(path)}.`) &&
      loads.some((load) => load.kind.protocol === protocolOf(line)),
  );
  return { count: own.length };
}

/** The protocol of a connection by its port, which is in the tunnel where ztunnel opens one (ztunnel, src/proxy/metrics.rs). */
const protocolOf = ({ fields }: ConnectionLine): RequestKind["protocol"] =>
  (fields["dst.hbone_addr"] ?? fields["dst.addr"] ?? "").endsWith(`:${health.port}`) ? "grpc" : "http";

function hasExpectedLines({ kind, wanted }: ProxyLog, count: number | undefined, sent: number): boolean {
  if (count === undefined) return false;
  if (!wanted) return count === 0;
  return kind === "requests" ? count === sent : count > 0;
}

/** Why a path was not verified. If the log of a proxy cannot be read, `layer` is that of the proxy. */
interface Misroute {
  verdict: "fail" | "inconclusive";
  seen: string;
  layer?: ProxyLog["layer"];
}

function misroute(
  { proxy, layer, wanted }: ProxyLog,
  { count, unavailable }: { count?: number; unavailable?: string },
  sent: string,
): Misroute {
  if (unavailable !== undefined) return { verdict: "inconclusive", layer, seen: unavailable };
  const seen = `the log of the ${proxy} has ${count} lines of ${sent}${wanted ? "" : ", and the path does not lead through it"}`;
  return { verdict: "fail", seen };
}
