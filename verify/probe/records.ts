import { hostOf, podsBehind, waypointAt } from "../../experiments/names";
import type { WaypointName } from "../../experiments/slices";
import type { VerifyContext } from "../context";
import { DeadlineError, eventually } from "../eventually";
import type { AccessLine } from "../logs/access-log";
import { recordsIn, unavailableIn } from "../logs/log-reader";
import { type ConnectionLine, isPolicyRefusal } from "../logs/ztunnel-log";
import type { LabPod } from "../pods";
import type { Answer } from "./send";

/**
 * The result of a search for a log record. `missing`: the log was read and has no such line. `unsure`: the missing line proves nothing,
 * since the log may be disabled, or another line may be the record.
 */
export type RecordLookup<T> = { found: T } | { missing: string; unsure?: boolean } | { unavailable: string };

/** The log records of a request, by layer. */
export interface Records {
  gateway: RecordLookup<AccessLine>;
  waypoint: RecordLookup<AccessLine>;
  ztunnel: RecordLookup<readonly ConnectionLine[]>;
}

/** The kinds of records. */
export type RecordKind = keyof Records;

/**
 * Reads the records of a request, and waits for those of the wanted layers: proxies write access logs about a second late. Access lines
 * are found by the id of the request, connections by the address and port of the client. Refusals at the ztunnel of the destination are
 * found by the workload of the client, because that ztunnel does not know the port.
 */
export async function recordsOf(
  context: VerifyContext,
  answer: Answer,
  wanted: readonly RecordKind[],
): Promise<Records> {
  let records = await look(context, answer);
  const late = (kind: RecordKind) => "missing" in records[kind];
  if (!wanted.some(late)) return settled(records);
  try {
    await eventually(
      async () => {
        records = await look(context, answer);
        const kind = wanted.find(late);
        if (kind) throw new Error(`no line of request ${answer.id} in the ${kind} log`);
      },
      { what: "log lines", deadlineMs: logLimit(context, [answer]), signal: context.signal, clock: context.clock },
    );
  } catch (error) {
    // A missing line is a result: the caller judges it. The deadline may have cut off the last read: the first read here joins one in
    // progress, the second is complete.
    if (!(error instanceof DeadlineError)) throw error;
    records = await look(context, answer);
    if (wanted.some(late)) records = await look(context, answer);
  }
  return settled(records);
}

/** Longest time to wait for a log line, also on a slow machine. */
export const longestLogMs = ({ timings }: Pick<VerifyContext, "timings">): number => 6 * timings.logMs;

/** Deadline for log lines, in proportion to the median latency of the answered requests: a slow machine also writes its logs late. */
export function logLimit(
  context: Pick<VerifyContext, "timings">,
  answers: readonly { status: number; seconds: number }[],
): number {
  const answered = answers.filter(({ status }) => status > 0).map(({ seconds }) => seconds);
  const half = answered.sort((a, b) => a - b)[Math.floor((answered.length - 1) / 2)] ?? 0;
  return Math.max(context.timings.logMs, Math.min(10_000 * half, longestLogMs(context)));
}

/** After the deadline an unsure record counts as unavailable. */
function settled({ gateway, waypoint, ztunnel }: Records): Records {
  const finalOf = <T>(sought: RecordLookup<T>): RecordLookup<T> =>
    "missing" in sought && sought.unsure ? { unavailable: sought.missing } : sought;
  return { gateway: finalOf(gateway), waypoint: finalOf(waypoint), ztunnel: finalOf(ztunnel) };
}

async function look(context: VerifyContext, answer: Answer): Promise<Records> {
  const [gateway, waypoint, ztunnel] = await Promise.all([
    answer.from === "host" ? accessLine(context, "gateway", answer.id) : notThisWay("the gateway"),
    accessLine(context, waypointAt(answer.service), answer.id),
    answer.clientPod ? connections(context, answer, answer.clientPod) : notThisWay("a pod's ztunnel"),
  ]);
  return { gateway, waypoint, ztunnel };
}

const notThisWay = (where: string): { missing: string } => ({ missing: `the request did not start at ${where}` });

async function accessLine(
  context: VerifyContext,
  role: "gateway" | WaypointName,
  id: string,
): Promise<RecordLookup<AccessLine>> {
  const lines = await accessLines(context, role, id);
  if ("unavailable" in lines) return lines;
  const [line] = lines.found;
  if (line) return { found: line };
  if (lines.silent) return { missing: `the ${role} wrote no access line at all during this run`, unsure: true };
  return { missing: `no line with ${id}` };
}

/** All access lines of a proxy that carry an id: one for each request of a sample. */
export async function accessLines(
  context: VerifyContext,
  role: "gateway" | WaypointName,
  id: string,
): Promise<{ found: AccessLine[]; silent: boolean } | { unavailable: string }> {
  const pods = await context.podFinder.all(role, context.signal);
  const reads = await Promise.all(pods.map((pod) => context.logs.read(pod)));
  const found = recordsIn(reads, "requests", ({ text }) => text.includes(id));
  const failed = unavailableIn(reads);
  if (failed && found.length === 0) return failed;
  return { found, silent: found.length === 0 && pods.length > 0 && recordsIn(reads, "requests").length === 0 };
}

/** Lines about the connection of a client: at its ztunnel by its port, at the ztunnel of the destination also refusals of its workload. */
async function connections(
  context: VerifyContext,
  { local, service }: Answer,
  clientPod: LabPod,
): Promise<RecordLookup<readonly ConnectionLine[]>> {
  const targets = await context.podFinder.all(podsBehind(service), context.signal);
  const nodes = new Set([clientPod.node, ...targets.map(({ node }) => node)]);
  const pods = (await context.podFinder.all("ztunnel", context.signal)).filter(({ node }) => nodes.has(node));
  const reads = await Promise.all(pods.map((pod) => context.logs.read(pod)));
  const failed = unavailableIn(reads);
  const lines = recordsIn(reads, "connections", (line) => belongs(line, clientPod, { local, service }, targets));
  // A line that matches by workload only may be about another request.
  const own = ownConnection(lines, { local });
  if (own) return awaitsReason(own, lines) ? { missing: `no reason for ${own.error}`, unsure: true } : { found: lines };
  if (failed) return failed;
  const missing = `no line about the end of the connection of ${local ?? clientPod.name}`;
  if (lines.length === 0) return { missing };
  return { missing: `${missing}, and ${lines.length} about connections of ${clientPod.name}`, unsure: true };
}

/** Whether the reason of a refusal is still missing: the ztunnel of the destination logs it. */
const awaitsReason = (own: ConnectionLine, lines: readonly ConnectionLine[]): boolean =>
  own.direction === "outbound" && isPolicyRefusal(own) && !lines.some(({ direction }) => direction === "inbound");

/** The line about the end of a request's connection. A pod may reuse a port: then the last line counts. */
export const ownConnection = (
  lines: readonly ConnectionLine[],
  answer: Pick<Answer, "local">,
): ConnectionLine | undefined => lines.findLast((line) => line.event === "complete" && isOwn(line, answer));

/** Whether a line is about a connection from the address and port of a request. */
export const isOwn = (line: ConnectionLine, { local }: Pick<Answer, "local">): boolean =>
  local !== undefined && line.fields["src.addr"] === local;

function belongs(
  line: ConnectionLine,
  clientPod: LabPod,
  { local, service }: Pick<Answer, "local" | "service">,
  targets: readonly LabPod[],
): boolean {
  const toTarget = () => targets.some(({ name }) => name === line.fields["dst.workload"]);
  if (isOwn(line, { local })) return line.fields["dst.service"] === hostOf(service) || toTarget();
  // ztunnel opens the HBONE connection from another port, so that the destination logs the workload only.
  return (
    line.direction === "inbound" &&
    line.fields["src.workload"] === clientPod.name &&
    isPolicyRefusal(line) &&
    toTarget()
  );
}
