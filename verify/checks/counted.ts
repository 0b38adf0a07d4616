import { messageOf } from "../../host/errors";
import type { VerifyContext } from "../context";
import type { AccessLine } from "../logs/access-log";
import { growth, readCounts, type WaypointCounts } from "../probe/metrics";
import { sendSample } from "../probe/sample";
import { type LoggedLines, logEvidence, loggedLines } from "../probe/sample-logs";
import type { Evidence, Finding } from "../report/schema";
import { type CheckRun, failed, passed, unclear } from "./check";

/** Verifies that for N requests the waypoint's log has N lines, and Envoy's counters increase by N. */
export const counted: CheckRun<"counted"> = async (context, { name, sample, denied }) => {
  const before = await tryCounts(context);
  const sampleResult = await sendSample(context, sample, 5);
  const { answers } = sampleResult;
  const lines = await loggedLines(context, sampleResult, sample.count);
  const after = await tryCounts(context);
  const grown = typeof before === "string" || typeof after === "string" ? undefined : growth(before, after);
  const fits = (status: number) => (denied ? status === 403 : (status >= 200 && status < 300) || status === 405);
  const odd = answers.find(({ status }) => !fits(status));
  const outcome = { name, count: sample.count, denied, lines, grown };
  const evidence = evidenceOf(
    outcome,
    [before, after].find((item) => typeof item === "string"),
  );
  const expected = `${sample.count} × ${denied ? "403" : "an answer"}, each counted once`;
  if (answers.length !== sample.count) {
    return [failed(name, "client", `${answers.length} of ${sample.count} requests were sent`, { expected, evidence })];
  }
  if (odd) return [failed(name, "waypoint", `a request met ${odd.status || "no answer"}`, { expected, evidence })];
  return [{ ...judge(outcome), evidence }];
};

interface Outcome {
  name: string;
  count: number;
  denied: boolean;
  lines: LoggedLines<AccessLine>;
  grown: WaypointCounts | undefined;
}

function judge({ name, count, denied, lines, grown }: Outcome): Finding {
  const counter = grown && (denied ? grown.denied : grown.allowed);
  const words = grown ? `${grown.source} increased by ${counter}` : "its counters cannot be read";
  const expected = `${count} in each source`;
  if (typeof lines === "string") {
    if (counter === count) return passed(name, "waypoint", `${words}; no access log: ${lines}`);
    return unclear(name, "waypoint", `${words}; no access log: ${lines}`, { expected });
  }
  const seen = `the waypoint logged ${lines.length} of ${count}; ${words}`;
  if (lines.length !== count) return failed(name, "waypoint", seen, { expected });
  // Requests of other clients can only make the counters larger.
  if (counter === undefined || counter < count) return unclear(name, "waypoint", seen, { expected });
  return passed(name, "waypoint", seen);
}

async function tryCounts(context: VerifyContext): Promise<WaypointCounts | undefined | string> {
  try {
    return await readCounts(context);
  } catch (error) {
    context.signal.throwIfAborted();
    return messageOf(error);
  }
}

function evidenceOf({ lines, grown }: Outcome, problem: string | undefined): Evidence[] {
  const counters = grown
    ? `allowed +${grown.allowed}, denied +${grown.denied} (${grown.source})`
    : (problem ?? "no counters");
  return [logEvidence("waypoint log", lines), { source: "waypoint metrics", lines: [counters] }];
}
