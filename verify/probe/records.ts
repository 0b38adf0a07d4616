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
 * A record that was looked for. `missing` means that the log is there and has no such line. It is `unsure` where that
 * proves nothing: a log without any line of its kind may be switched off, and one of several alike may be the one.
 */
export type RecordLookup<T> = { found: T } | { missing: string; unsure?: boolean } | { unavailable: string };

/** What the layers wrote down about one request. */
export interface Records {
  gateway: RecordLookup<AccessLine>;
  waypoint: RecordLookup<AccessLine>;
  ztunnel: RecordLookup<readonly ConnectionLine[]>;
}

/** The kinds of records. */
export type RecordKind = keyof Records;

/**
 * Collects the records of a request, waiting for those that are wanted: access logs come about a second late.
 * Lines are matched by the request's id, connections by the client's address and port; never by time. What a refused
 * connection's far side says of its client's workload comes along: it has no port in common with it.
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
    // A line that never comes is a finding of its own: the caller judges what is missing. The looks before may have been
    // cut off; only one that has all its time can say that there is nothing. The first of two ends a read that has begun.
    if (!(error instanceof DeadlineError)) throw error;
    records = await look(context, answer);
    if (wanted.some(late)) records = await look(context, answer);
  }
  return settled(records);
}

/** Longest time to wait for a log line, also on a slow machine. */
export const longestLogMs = ({ timings }: Pick<VerifyContext, "timings">): number => 6 * timings.logMs;

/**
 * How long a log may take for requests half of which were answered in so many seconds: a machine that is slow at one thing
 * is slow at both. Those without an answer say nothing about the machine.
 */
export function logLimit(
  context: Pick<VerifyContext, "timings">,
  answers: readonly { status: number; seconds: number }[],
): number {
  const answered = answers.filter(({ status }) => status > 0).map(({ seconds }) => seconds);
  const half = answered.sort((a, b) => a - b)[Math.floor((answered.length - 1) / 2)] ?? 0;
  return Math.max(context.timings.logMs, Math.min(10_000 * half, longestLogMs(context)));
}

/** Once the wait is over, what is unsure is not known. */
function settled({ gateway, waypoint, ztunnel }: Records): Records {
  const weigh = <T>(sought: RecordLookup<T>): RecordLookup<T> =>
    "missing" in sought && sought.unsure ? { unavailable: sought.missing } : sought;
  return { gateway: weigh(gateway), waypoint: weigh(waypoint), ztunnel: weigh(ztunnel) };
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

/** Lines about a client's connection: at its own ztunnel by its port, at the app's also by a refusal of its workload. */
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
  // A refusal of its workload alone may be that of another request: it tells why, and not that.
  const own = lines.findLast((line) => isOwn(line, { local }));
  if (own)
    return awaitsFarSide(own, lines) ? { missing: `no reason for ${own.error}`, unsure: true } : { found: lines };
  if (failed) return failed;
  const missing = `no line about ${local ?? clientPod.name}`;
  if (lines.length === 0) return { missing };
  return { missing: `${missing}, and ${lines.length} about other connections of ${clientPod.name}`, unsure: true };
}

/** A refusal that only its near side has told of yet: who refused it, and why, is in the far side's log. */
const awaitsFarSide = (own: ConnectionLine, lines: readonly ConnectionLine[]): boolean =>
  own.direction === "outbound" && isPolicyRefusal(own) && !lines.some(({ direction }) => direction === "inbound");

/**
 * Whether a line is about a connection from a request's address and port. A pod with hundreds of requests a minute has a
 * port twice in a run: the last line is that of the request.
 */
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
  // ztunnel opens the HBONE connection from a port of its own: the far side knows the workload, not the port.
  return (
    line.direction === "inbound" &&
    line.fields["src.workload"] === clientPod.name &&
    isPolicyRefusal(line) &&
    toTarget()
  );
}
