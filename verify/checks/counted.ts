import type { WaypointName } from "../../experiments/slices";
import { messageOf } from "../../host/errors";
import type { VerifyContext } from "../context";
import type { AccessLine } from "../logs/access-log";
import { lateLines } from "../logs/late-lines";
import { growth, readCounts } from "../probe/counters";
import type { WaypointCounts } from "../probe/metrics";
import { accessLines } from "../probe/records";
import { type SampleResult, sendSample } from "../probe/sample";
import type { Finding } from "../report/schema";
import { type CheckRun, failed, passed, unclear } from "./check";

/** For N requests the waypoint's log has N lines, and Envoy's own counters grow by N. */
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
  return [{ ...weigh(outcome), evidence }];
};

interface Outcome {
  name: string;
  count: number;
  denied: boolean;
  lines: readonly AccessLine[] | string;
  grown: WaypointCounts | undefined;
}

function weigh({ name, count, denied, lines, grown }: Outcome): Finding {
  const counter = grown && (denied ? grown.denied : grown.allowed);
  const words = grown ? `${grown.source} grew by ${counter}` : "its counters cannot be read";
  const expected = `${count} in each source`;
  if (typeof lines === "string") {
    if (counter === count) return passed(name, "waypoint", `${words}; no access log: ${lines}`);
    return unclear(name, "waypoint", `${words}; no access log: ${lines}`, { expected });
  }
  const seen = `the waypoint logged ${lines.length} of ${count}; ${words}`;
  if (lines.length !== count) return failed(name, "waypoint", seen, { expected });
  // Others may send meanwhile; they can make the counters larger, not smaller.
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

/** The sample's lines, as soon as all are there; what is there at the deadline otherwise; a reason when none can be read. */
export async function loggedLines(
  context: VerifyContext,
  { id, answers }: SampleResult,
  count: number,
  waypoint: WaypointName = "waypoint",
): Promise<AccessLine[] | string> {
  return lateLines(context, { what: "access lines", count, answers }, async () => {
    const read = await accessLines(context, waypoint, id);
    if ("unavailable" in read) return read.unavailable;
    return read.silent ? `${waypoint} wrote none` : read.found;
  });
}

/** The lines of two logs; the reason why one of them cannot be read, where there is one. */
export const joinedLogs = <T>(first: readonly T[] | string, second: readonly T[] | string): readonly T[] | string =>
  typeof first === "string" ? first : typeof second === "string" ? second : [...first, ...second];

function evidenceOf({ lines, grown }: Outcome, problem: string | undefined) {
  const text = typeof lines === "string" ? [`unavailable: ${lines}`] : lines.map((line) => line.text);
  const counters = grown
    ? `allowed +${grown.allowed}, denied +${grown.denied} (${grown.source})`
    : (problem ?? "no counters");
  return [
    { source: "waypoint log", lines: text },
    { source: "waypoint metrics", lines: [counters] },
  ];
}
