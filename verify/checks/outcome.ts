import { podsBehind, waypointAt } from "../../experiments/names";
import { delayedFromMs } from "../lab-facts";
import { sendSample } from "../probe/sample";
import { appLines, lineCount, logEvidence, loggedLines } from "../probe/sample-logs";
import { type CheckRun, failed, listed, passed, unclear } from "./check";

/** Verifies that every request of a sample has the expected result at the client, in the waypoint's log and in the application's log. */
export const outcome: CheckRun<"outcome"> = async (context, { name, sample, status, flags, attempts, between }) => {
  const { count, service = "appb" } = sample;
  const app = podsBehind(service);
  const sampleResult = await sendSample(context, sample, count);
  const lines = await loggedLines(context, sampleResult, count, waypointAt(service));
  const written = await appLines(context, app, sampleResult, count * attempts);
  const times = sampleResult.answers.map(({ seconds }) => Math.round(seconds * 1000)).sort((a, b) => a - b);
  const evidence = [
    { source: "client", lines: [`milliseconds: ${times.join(" ")}`] },
    logEvidence(`${waypointAt(service)} log`, lines),
    logEvidence(`${app} log`, written),
  ];
  const time = between ? ` after ${between[0]} to ${between[1]} ms` : "";
  const expected = `${count} × ${status}${time}, flags ${flags}, ${count * attempts} lines in ${app}'s log`;
  const statuses = listed([...new Set(sampleResult.answers.map((answer) => String(answer.status || "no answer")))]);
  const marks = typeof lines === "string" ? "unknown" : listed([...new Set(lines.map((line) => line.flags))]);
  const seen = `${sampleResult.answers.length} × ${statuses} after ${times[0] ?? 0} to ${times.at(-1) ?? 0} ms, flags ${marks}, ${lineCount(written)} lines in ${app}'s log`;
  const more = { expected, evidence };
  if (sampleResult.answers.length !== count) return [failed(name, "client", seen, more)];
  if (statuses !== String(status)) return [failed(name, "waypoint", seen, more)];
  if (typeof lines === "string") return [unclear(name, "waypoint", `${seen}; no access log: ${lines}`, more)];
  if (lines.length !== count || marks !== flags) return [failed(name, "waypoint", seen, more)];
  const early = between && (times[0] ?? 0) < delayedFromMs(between[0]);
  if (early) return [failed(name, "waypoint", seen, more)];
  if (between && (times.at(-1) ?? 0) >= between[1]) {
    // The duration in the waypoint's log distinguishes a slow waypoint from a slow client.
    const late = lines.some(({ durationMs }) => durationMs >= between[1]);
    return [late ? failed(name, "waypoint", seen, more) : unclear(name, "client", seen, more)];
  }
  if (typeof written === "string") return [unclear(name, "app", `${seen}; no log of ${app}: ${written}`, more)];
  if (written.length !== count * attempts) return [failed(name, "waypoint", seen, more)];
  return [passed(name, "waypoint", seen, { evidence })];
};
