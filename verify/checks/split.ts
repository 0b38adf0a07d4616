import { outboundCluster, serviceHost } from "../../config/vocabulary";
import type { Sample } from "../../experiments/types";
import { judgeShare, type ShareTest, shareTest, shareWords } from "../binomial";
import type { VerifyContext } from "../context";
import type { AccessLine } from "../logs/access-log";
import { sendSample } from "../probe/sample";
import { appLines, joinedLines, type LoggedLines, logEvidence, loggedLines } from "../probe/sample-logs";
import type { Evidence, Finding } from "../report/schema";
import { type Batch, joinedBatches, sampledInBatches } from "./batches";
import { type CheckRun, failed, passed, unclear } from "./check";

const parallel = 20;
const isTo = (version: "appb-v1" | "appb-v2") => (line: AccessLine) =>
  line.upstreamCluster === outboundCluster(serviceHost(version));

/** Requests to Service appb-split, in the logs of the waypoint and of the second version. */
interface Sent extends Batch {
  /** Lines of the second version. */
  written: LoggedLines<string>;
}

/** Verifies that the share of the second version is its weight, by the logs of the waypoint and of the version. */
export const split: CheckRun<"split"> = async (context, { name, requests, percent, falseAlarm }) => {
  const test = shareTest(percent, falseAlarm);
  const sample = { ...requests, count: test.batch };
  return sampledInBatches(
    () => send(context, sample, (lines) => lines.filter(isTo("appb-v2")).length),
    (before, next) => ({ ...joinedBatches(before, next), written: joinedLines(before.written, next.written) }),
    (sent) => judgeSplit(name, test, sent),
  );
};

/** A finding about the share of the second version; undefined while there are too few requests. */
function judgeSplit(name: string, test: ShareTest, sent: Sent): Finding | undefined {
  const { lines, written } = sent;
  const chosen = typeof lines === "string" ? undefined : lines.filter(isTo("appb-v2")).length;
  const met = typeof written === "string" ? undefined : written.length;
  const count = chosen ?? met;
  const { verdict, band } = judgeShare(test, sent.count, count ?? 0);
  const expected = `${band.low} to ${band.high} of ${sent.count} at appb-v2: ${shareWords(test)}`;
  const problem = problemOf(name, sent, expected);
  if (problem) return problem;
  const seen = `${chosen ?? "unknown"} of ${sent.count} sent to appb-v2 by the waypoint, ${met ?? "unknown"} in its own log; expected ${band.low} to ${band.high}: ${shareWords(test)}`;
  const evidence = evidenceOf(sent);
  if (count === undefined) return unclear(name, "waypoint", seen, { expected, evidence });
  if (chosen !== undefined && met !== undefined && chosen !== met)
    return failed(name, "app", seen, { expected: "the same number from both", evidence });
  if (verdict === "open") return undefined;
  return verdict === "pass"
    ? passed(name, "waypoint", seen, { evidence })
    : failed(name, "waypoint", seen, { expected, evidence });
}

/** Verifies that the first version answers, and that the second version gets a copy of every request, or of no request. */
export const mirrored: CheckRun<"mirrored"> = async (context, { name, sample, copied }) => {
  const sent = await send(context, sample, (lines) => (copied ? sample.count : lines.filter(isTo("appb-v2")).length));
  const expected = copied
    ? `${sample.count} answered by appb-v1, and ${sample.count} copies in appb-v2's log`
    : "in appb-v2's log only requests that the waypoint sent to it";
  const problem = problemOf(name, sent, expected);
  if (problem) return [problem];
  const { lines, written } = sent;
  const evidence = evidenceOf(sent);
  if (typeof lines === "string" || typeof written === "string") {
    const blind = typeof lines === "string" ? lines : written;
    const layer = typeof lines === "string" ? "waypoint" : "app";
    return [unclear(name, layer, `a log cannot be read: ${String(blind)}`, { expected, evidence })];
  }
  const straight = lines.filter(isTo("appb-v2")).length;
  const copies = written.length - straight;
  const seen = `${lines.length - straight} answered by appb-v1, ${straight} by appb-v2; ${copies} copies in appb-v2's log`;
  const good = copied ? straight === 0 && copies === sample.count : copies === 0;
  return [good ? passed(name, "waypoint", seen, { evidence }) : failed(name, "waypoint", seen, { expected, evidence })];
};

async function send(
  context: VerifyContext,
  sample: Sample,
  awaited: (lines: readonly AccessLine[]) => number,
): Promise<Sent> {
  const sampleResult = await sendSample(context, sample, parallel);
  const lines = await loggedLines(context, sampleResult, sample.count);
  const written = await appLines(context, "appb-v2", sampleResult, typeof lines === "string" ? 0 : awaited(lines));
  return { count: sample.count, answers: sampleResult.answers, lines, written };
}

const evidenceOf = ({ lines, written }: Sent): Evidence[] => [
  logEvidence("waypoint log", lines),
  logEvidence("appb-v2 log", written),
];

/** Requests without an answer, or to another cluster, prove nothing about a share. */
function problemOf(name: string, sent: Sent, expected: string): Finding | undefined {
  const { count, answers, lines } = sent;
  const more = { expected, evidence: evidenceOf(sent) };
  if (answers.length !== count) return failed(name, "client", `${answers.length} of ${count} requests were sent`, more);
  const odd = answers.filter(({ status }) => status < 200 || status > 299);
  if (odd.length > 0)
    return failed(name, "waypoint", `${odd.length} of ${count} met ${odd[0]?.status || "no answer"}`, more);
  if (typeof lines === "string") return undefined;
  if (lines.length !== count) return failed(name, "waypoint", `the waypoint logged ${lines.length} of ${count}`, more);
  const astray = lines.find((line) => !isTo("appb-v1")(line) && !isTo("appb-v2")(line));
  return astray && failed(name, "waypoint", `a request was sent to ${astray.upstreamCluster}`, more);
}
