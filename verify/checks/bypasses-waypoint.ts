import { podsBehind, waypointAt } from "../../experiments/names";
import { accessLines } from "../probe/records";
import { sendSample } from "../probe/sample";
import { appLines, lineCount, logEvidence, loggedLines } from "../probe/sample-logs";
import { type CheckRun, failed, listed, passed, unclear } from "./check";

/**
 * Verifies that the application logs every request of the sample, and the waypoint logs none of them. The control sample is sent afterwards
 * through the waypoint: once the waypoint has logged it, no further line of the first sample can follow.
 */
export const bypassesWaypoint: CheckRun<"bypasses-waypoint"> = async (context, { name, sample, control }) => {
  const waypoint = waypointAt(control.service ?? "appb");
  const app = podsBehind(sample.service ?? "appb");
  const direct = await sendSample(context, sample, sample.count);
  const atApp = await appLines(context, app, direct, sample.count);
  const controlled = await loggedLines(
    context,
    await sendSample(context, control, control.count),
    control.count,
    waypoint,
  );
  const read = await accessLines(context, waypoint, direct.id);
  const atWaypoint = "unavailable" in read ? read.unavailable : read.found;
  const statuses = listed([...new Set(direct.answers.map(({ status }) => String(status || "no answer")))]);
  const evidence = [
    logEvidence(`${app} log`, atApp),
    logEvidence(`${waypoint} log of the sample`, atWaypoint),
    logEvidence(`${waypoint} log of the control`, controlled),
  ];
  const expected = `${sample.count} × 200 in ${app}'s log and none in ${waypoint}'s, which has the ${control.count} after them`;
  const seen = `${direct.answers.length} × ${statuses}, ${lineCount(atApp)} in ${app}'s log, ${lineCount(atWaypoint)} in ${waypoint}'s, which has ${lineCount(controlled)} of the ${control.count} after them`;
  const more = { expected, evidence };
  if (direct.answers.length !== sample.count) return [failed(name, "client", seen, more)];
  if (statuses !== "200") return [failed(name, "app", seen, more)];
  if (typeof atWaypoint === "string" || typeof controlled === "string") return [unclear(name, "waypoint", seen, more)];
  if (atWaypoint.length > 0) return [failed(name, "ztunnel", seen, more)];
  if (controlled.length !== control.count) return [failed(name, "waypoint", seen, more)];
  if (typeof atApp === "string") return [unclear(name, "app", seen, more)];
  if (atApp.length !== sample.count) return [failed(name, "app", seen, more)];
  return [passed(name, "ztunnel", seen, { evidence })];
};
