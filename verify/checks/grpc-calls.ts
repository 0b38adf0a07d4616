import { podsBehind } from "../../experiments/names";
import type { ServiceName } from "../../experiments/slices";
import type { Call } from "../../experiments/types";
import type { VerifyContext } from "../context";
import { flapping, flaps } from "../flapping";
import type { LabPod } from "../pods";
import { byWaypoint } from "../probe/decision";
import { type Called, call, converge } from "../probe/grpc-call";
import { targetOf } from "../probe/judge";
import type { Decision, Evidence, Finding } from "../report/schema";
import { type CheckRun, failed, passed, unclear } from "./check";

/**
 * Sends gRPC calls. The calls that must be refused are sent first: when the server has logged an allowed call, it has logged every call
 * that reached it earlier. Each call is judged by its status and the waypoint's log, and all calls together by the server's log.
 */
export const grpcCalls: CheckRun<"grpc-calls"> = async (context, { name, service, calls: wanted, served }) => {
  const app = await context.podFinder.one(podsBehind(service), context.signal);
  const positive = wanted.filter(({ code }) => code !== 7);
  const findings: Finding[] = [];
  for (const each of positive) {
    findings.push(...flapped(each, await converge(context, service, each)));
    // While this call waits for the waypoint's log line, the server logs all earlier calls.
    await call(context, service, each);
  }
  const anchor = (await context.lab.logs(app, undefined, context.signal)).at(-1);
  for (const each of [...wanted.filter(({ code }) => code === 7), ...positive]) {
    findings.push(judge(service, each, await call(context, service, each)));
  }
  return [...findings, await serverFinding(context, app, { name, anchor, served, wanted })];
};

/** The finding about calls that succeeded and then failed; none otherwise. */
function flapped({ name, code }: Call, codes: readonly (number | undefined)[]): Finding[] {
  const looks = codes.map((each) => each === code);
  if (!flaps(looks)) return [];
  const missed = codes[looks.lastIndexOf(false)];
  const expected = `grpc-status ${code}`;
  return [
    flapping(failed(name, failedLayer(code, missed, ""), `grpc-status ${missed ?? "none"}`, { expected }), looks),
  ];
}

function judge(service: ServiceName, wanted: Call, called: Called): Finding {
  const { request, lines } = called;
  const waypoint = typeof lines === "string" ? "unavailable" : lines.length > 0 ? "found" : "missing";
  return { ...verdictOf(wanted, called), request, decision: decisionOf(service, called), records: { waypoint } };
}

function decisionOf(service: ServiceName, { lines }: Called): Decision {
  const line = typeof lines === "string" ? undefined : lines[0];
  const because = typeof lines === "string" ? lines : "the waypoint has no line about it";
  return byWaypoint(targetOf(service), line) ?? { layer: "unknown", action: "failed", because };
}

function verdictOf({ name, code }: Call, { answer, words, lines }: Called): Finding {
  const details = typeof lines === "string" ? "unknown" : (lines[0]?.details ?? "no line");
  const seen = `grpc-status ${answer.code ?? "none"}${answer.message ? ` (${answer.message})` : ""}, HTTP ${answer.http || "no answer"}; the waypoint logged ${details}`;
  const evidence: Evidence[] = [
    { source: "client", lines: [words, seen] },
    { source: "waypoint log", lines: typeof lines === "string" ? [`unavailable: ${lines}`] : lines.map((l) => l.text) },
  ];
  const decided = code === 7 ? "rbac_access_denied_matched_policy[none]" : "via_upstream";
  const expected = `grpc-status ${code} with HTTP 200, ${decided} in the waypoint's log`;
  const layer = code === 7 ? "waypoint" : "app";
  const more = { expected, evidence };
  if (answer.http !== 200 || answer.code !== code)
    return failed(name, failedLayer(code, answer.code, details), seen, more);
  if (code === 0 && !answer.serving) return failed(name, "app", `${seen}; the answer is not SERVING`, more);
  if (typeof lines === "string") return unclear(name, "waypoint", seen, more);
  if (details !== decided) return failed(name, "waypoint", seen, more);
  return passed(name, layer, seen, { evidence });
}

/** The layer that failed: the waypoint for a call that it allowed or refused wrongly, otherwise the application. */
function failedLayer(wanted: Call["code"], found: number | undefined, details: string): "waypoint" | "app" {
  if (wanted === 7 || found === 7 || details === "no line") return "waypoint";
  return "app";
}

async function serverFinding(
  context: VerifyContext,
  app: LabPod,
  {
    name,
    anchor,
    served,
    wanted,
  }: { name: string; anchor: string | undefined; served: string; wanted: readonly Call[] },
): Promise<Finding> {
  const since = anchor?.slice(0, anchor.indexOf(" ")) ?? "1970-01-01T00:00:00Z";
  const all = await context.lab.logs(app, since, context.signal);
  const found = (anchor === undefined ? all : all.slice(all.lastIndexOf(anchor) + 1)).filter((l) => l.includes(served));
  const count = wanted.filter(({ code }) => code === 0).length;
  const seen = `the server wrote "${served}" ${found.length} ×`;
  const evidence = [{ source: "grpc log", lines: found }];
  const expected = `${count} ×, once for each call that is allowed`;
  if (found.length === count) return passed(name, "app", seen, { evidence });
  return failed(name, "app", seen, { expected, evidence });
}
