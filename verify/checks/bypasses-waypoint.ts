import { podsBehind, waypointAt } from "../../experiments/names";
import { appLines } from "../logs/app-lines";
import { accessLines } from "../probe/records";
import { sendSample } from "../probe/sample";
import { type CheckRun, failed, listed, passed, unclear } from "./check";
import { loggedLines } from "./counted";

/**
 * The application logs every request of the sample, and the waypoint logs none of them. The control is sent after the sample,
 * through the waypoint: once the waypoint has logged the control, a missing line of the sample will not come any more.
 */
export const bypassesWaypoint: CheckRun<"bypasses-waypoint"> = async (context, { name, sample, control }) => {
  const service = sample.service ?? "appb";
  const waypoint = waypointAt(control.service ?? "appb");
  const app = podsBehind(service);
  const straight = await sendSample(context, sample, sample.count);
  const written = await appLines(context, app, straight, sample.count);
  const through = await sendSample(context, control, control.count);
  const seen = await loggedLines(context, through, control.count, waypoint);
  const unenrolledPods = await accessLines(context, waypoint, straight.id);
  const statuses = listed([...new Set(straight.answers.map(({ status }) => String(status || "no answer")))]);
  const lines = (found: readonly string[] | string) => (typeof found === "string" ? [`unavailable: ${found}`] : found);
  const passing =
    "unavailable" in unenrolledPods ? unenrolledPods.unavailable : unenrolledPods.found.map(({ text }) => text);
  const evidence = [
    { source: `${app} log`, lines: lines(written) },
    { source: `${waypoint} log of the sample`, lines: lines(passing) },
    {
      source: `${waypoint} log of the control`,
      lines: lines(typeof seen === "string" ? seen : seen.map((l) => l.text)),
    },
  ];
  const expected = `${sample.count} × 200 in ${app}'s log and none in ${waypoint}'s, which has the ${control.count} after them`;
  const count = (found: readonly unknown[] | string) => (typeof found === "string" ? "unknown" : found.length);
  const words = `${straight.answers.length} × ${statuses}, ${count(written)} in ${app}'s log, ${count(passing)} in ${waypoint}'s, which has ${count(seen)} of the ${control.count} after them`;
  const more = { expected, evidence };
  if (straight.answers.length !== sample.count) return [failed(name, "client", words, more)];
  if (statuses !== "200") return [failed(name, "app", words, more)];
  if (typeof passing === "string" || typeof seen === "string") return [unclear(name, "waypoint", words, more)];
  if (passing.length > 0) return [failed(name, "ztunnel", words, more)];
  if (seen.length !== control.count) return [failed(name, "waypoint", words, more)];
  if (typeof written === "string") return [unclear(name, "app", words, more)];
  if (written.length !== sample.count) return [failed(name, "app", words, more)];
  return [passed(name, "ztunnel", words, { evidence })];
};
