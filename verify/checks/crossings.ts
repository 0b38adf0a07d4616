import { podsBehind, waypointAt } from "../../experiments/names";
import type { Crossing } from "../../experiments/types";
import type { VerifyContext } from "../context";
import { DeadlineError, eventually } from "../eventually";
import { recordsIn, unavailableIn } from "../logs/log-reader";
import { type LabPod, sidecarOf } from "../pods";
import { logLimit, longestLogMs } from "../probe/records";
import { type Answer, send } from "../probe/send";
import type { Evidence, Finding } from "../report/schema";
import { type CheckRun, failed, passed, unclear } from "./check";

/** Sends each request once, and verifies which logs have a line about it and which have none. */
export const crossings: CheckRun<"crossings"> = async (context, { crossings: all }) =>
  Promise.all(all.map((each) => crossed(context, each)));

async function crossed(context: VerifyContext, crossing: Crossing): Promise<Finding> {
  const { name, from, service, answered, layer } = crossing;
  const probe = { kind: "probe", name, from, to: "service", service, method: "GET", path: "/get" } as const;
  const answer = await send(context, { ...probe, expect: { outcome: "answered", through: [] } }, context.signal);
  const seen = answer.status > 0 ? `${answer.status}` : `no answer, curl exit ${answer.exit}`;
  const expected = `${answered ? "200" : "no answer of the application"}${recordsText(crossing)}`;
  const looks = await Promise.all(
    (["waypoint", "sidecar"] as const)
      .filter((kind) => crossing.records[kind] !== undefined)
      .map(async (kind) => ({ kind, ...(await findLine(context, crossing, kind, answer)) })),
  );
  const refusal = layer === "ztunnel" ? await refusedByZtunnel(context, crossing, answer) : undefined;
  const evidence: Evidence[] = [
    { source: "client", lines: [`GET ${answer.request.url} from ${answer.request.pod}: ${seen}`] },
    ...looks.map(({ kind, line }) => ({ source: `${kind} log`, lines: line ? [line] : [] })),
    ...(refusal?.line ? [{ source: "ztunnel log", lines: [refusal.line] }] : []),
  ];
  const more = { expected, evidence };
  const got = answered ? answer.status === 200 : answer.status === 0 || answer.status === 503;
  if (!got) return failed(name, layer, seen, more);
  const unseen = looks.find(({ unavailable }) => unavailable !== undefined);
  if (unseen) return unclear(name, unseen.kind, `${seen}; ${unseen.unavailable}`, more);
  const wrong = looks.find(({ kind, line }) => (line !== undefined) !== crossing.records[kind]);
  if (wrong)
    return failed(name, wrong.kind, `${seen}; the ${wrong.kind} has ${wrong.line ? "a" : "no"} record of it`, more);
  // A missing answer may also be caused by a busy machine: only ztunnel's log proves that ztunnel refused the request.
  if (layer === "ztunnel" && !refusal?.line) return unclear(name, layer, `${seen}; no ztunnel logged a refusal`, more);
  const records = looks.map(({ kind, line }) => `; ${line ? "recorded" : "not recorded"} by the ${kind}`).join("");
  return passed(name, layer, `${seen}${records}${refusal?.line ? `; ${refusal.because}` : ""}`, { evidence });
}

/** The pods of a Service's waypoint, or the sidecars of the Service's pods. */
async function proxiesOf(
  { podFinder, signal }: VerifyContext,
  service: Crossing["service"],
  kind: "waypoint" | "sidecar",
): Promise<LabPod[]> {
  if (kind === "waypoint") return podFinder.all(waypointAt(service), signal);
  return (await podFinder.all(podsBehind(service), signal)).map(sidecarOf);
}

const recordsText = ({ records }: Crossing): string =>
  Object.entries(records)
    .map(([kind, wanted]) => `, ${wanted ? "a" : "no"} record of the ${kind}`)
    .join("");

/** Finds the line of a request in the log of a kind of proxy. If no line is expected, it waits for the longest delay of a log line. */
async function findLine(
  context: VerifyContext,
  { service, records }: Crossing,
  kind: "waypoint" | "sidecar",
  answer: Answer,
): Promise<{ line?: string; unavailable?: string }> {
  const pods = await proxiesOf(context, service, kind);
  let unavailable: string | undefined;
  const look = async () => {
    const reads = await Promise.all(pods.map((pod) => context.logs.read(pod)));
    unavailable = unavailableIn(reads)?.unavailable;
    const [line] = recordsIn(reads, "requests", ({ text }) => text.includes(answer.id));
    if (!line) throw new Error(`no line with ${answer.id}`);
    return line.text;
  };
  const deadlineMs = records[kind] ? longestLogMs(context) : logLimit(context, [answer]);
  const waiting = { what: "the line of the request", deadlineMs, signal: context.signal, clock: context.clock };
  try {
    return { line: await eventually(look, waiting) };
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    return unavailable === undefined ? {} : { unavailable };
  }
}

/** The log line about a connection from the client that the server's ztunnel refused. */
async function refusedByZtunnel(
  context: VerifyContext,
  { service }: Crossing,
  { clientPod }: Answer,
): Promise<{ line: string; because: string } | undefined> {
  const servers = await context.podFinder.all(podsBehind(service), context.signal);
  const ztunnels = (await context.podFinder.all("ztunnel", context.signal)).filter(({ node }) =>
    servers.some((server) => server.node === node),
  );
  const look = async () => {
    const reads = await Promise.all(ztunnels.map((pod) => context.logs.read(pod)));
    const line = recordsIn(
      reads,
      "connections",
      ({ direction, error, fields }) =>
        direction === "inbound" &&
        error !== undefined &&
        (fields["src.addr"] ?? "").startsWith(`${clientPod?.ip}:`) &&
        servers.some(({ name }) => name === fields["dst.workload"]),
    ).at(-1);
    if (!line) throw new Error("no refused connection");
    return { line: line.text, because: line.error ?? "" };
  };
  const waiting = { what: "the refusal", deadlineMs: longestLogMs(context), signal: context.signal };
  return eventually(look, { ...waiting, clock: context.clock }).catch((error: unknown) => {
    if (error instanceof DeadlineError) return undefined;
    throw error;
  });
}
