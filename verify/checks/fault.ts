import { durationMs } from "../../config/vocabulary";
import type { Sample } from "../../experiments/types";
import { judgeShare, type ShareTest, shareTest, shareWords } from "../binomial";
import type { VerifyContext } from "../context";
import { delayedFromMs } from "../lab-facts";
import { sendSample } from "../probe/sample";
import { logEvidence, loggedLines } from "../probe/sample-logs";
import type { Evidence, Finding, LatencySample } from "../report/schema";
import { type Batch, joinedBatches, sampledInBatches } from "./batches";
import { type CheckRun, failed, passed, skipped, unclear } from "./check";

/** Longest duration of a batch. A share that would take longer is skipped. */
const longestBatchMs = 60_000;
/** Minimum delay that differs from the latency of a slow machine; shorter delays are judged by the log alone. */
const clearDelayMs = 1_000;
const mostParallel = 100;

/** Latencies of a sample by the client's clock, and its flags in the waypoint's log. */
interface Sampled extends Batch {
  /** Requests that took at least the delay. */
  slow: number;
  /** Requests flagged DI (delay injected); the reason when the log cannot be read. */
  flagged: number | string;
  /** The latencies, for the report. */
  latencies: LatencySample;
  evidence: readonly Evidence[];
}

/** Verifies that the share of delayed requests is the configured percentage, and not one of the alternatives of the test. */
export const share: CheckRun<"share"> = async (context, { name, requests, percent, delay, falseAlarm }) => {
  const delayMs = durationMs(delay);
  const test = shareTest(percent, falseAlarm);
  const busyMs = test.batch * (percent / 100) * delayMs;
  if (Math.max(delayMs, busyMs / mostParallel) > longestBatchMs)
    return [skipped(name, "waypoint", `${percent} % of ${test.batch} requests with a delay of ${delay} take too long`)];
  const parallel = Math.min(mostParallel, Math.max(25, Math.ceil(busyMs / 4_000)));
  return sampledInBatches(
    () => sentAndLogged(context, { ...requests, count: test.batch }, parallel),
    joinedBatches,
    (sent) => judgeDelays(name, test, requests, sent, delay),
  );
};

/** A finding about the delayed share; undefined while there are too few requests. */
function judgeDelays(
  name: string,
  test: ShareTest,
  requests: Omit<Sample, "count">,
  sent: Batch,
  delay: string,
): Finding | undefined {
  const sample = { ...requests, count: sent.count };
  const delayMs = durationMs(delay);
  const sampled = measured(sample, sent, delayMs);
  const { slow, flagged } = sampled;
  const delayed = typeof flagged === "number" ? flagged : slow;
  const { verdict, band } = judgeShare(test, sent.count, delayed);
  // The latency of a slow machine can exceed a short delay, which is then judged by the log alone.
  const byClock = delayMs < clearDelayMs ? verdict : judgeShare(test, sent.count, slow).verdict;
  const { percent, others } = test;
  const latencies = { ...sampled.latencies, share: { percent, ...band, toldFrom: others } };
  const expected = `${band.low} to ${band.high} of ${sent.count} delayed by ${delay}: ${shareWords(test)}`;
  const problem = answersProblem(name, sample, sampled, expected) ?? missingDelay(name, sampled, delayMs, expected);
  if (problem) return { ...problem, sample: latencies };
  if (verdict === "open" || byClock === "open") return undefined;
  const seen = `${delayed} of ${sent.count} delayed, expected ${band.low} to ${band.high}: ${shareWords(test)}; ${flagWords(sampled)}, ${slow} took ${delayMs} ms or longer`;
  const more = { expected, evidence: sampled.evidence };
  // Clock and log differ when the machine delays requests itself.
  if (verdict !== byClock) return { ...unclear(name, "client", seen, more), sample: latencies };
  const { evidence } = more;
  return {
    ...(verdict === "pass" ? passed(name, "waypoint", seen, { evidence }) : failed(name, "waypoint", seen, more)),
    sample: latencies,
  };
}

/** Verifies that no request to the control path is delayed. */
export const neverSlow: CheckRun<"never-slow"> = async (context, { name, sample, delay }) => {
  const delayMs = durationMs(delay);
  const sampled = measured(sample, await sentAndLogged(context, sample, 10), delayMs);
  return [{ ...judgeControl(name, sample, sampled, delayMs), sample: sampled.latencies }];
};

function judgeControl(name: string, sample: Sample, sampled: Sampled, delayMs: number): Finding {
  const expected = "no delayed request";
  const problem = answersProblem(name, sample, sampled, expected);
  if (problem) return problem;
  const slow = delayMs >= clearDelayMs ? sampled.slow : 0;
  const flagged = typeof sampled.flagged === "number" ? sampled.flagged : 0;
  const slowest = Math.max(...sampled.answers.map(({ seconds }) => seconds));
  const seen = `${slow} of ${sample.count} slow, the slowest took ${Math.round(slowest * 1000)} ms; ${flagWords(sampled)}`;
  const more = { expected, evidence: sampled.evidence };
  if (flagged > 0) return failed(name, "waypoint", seen, more);
  // Without a log, a delay that is as short as the latency of a slow machine cannot be observed.
  if (typeof sampled.flagged === "string" && delayMs < clearDelayMs) return unclear(name, "waypoint", seen, more);
  if (slow === 0) return passed(name, "waypoint", seen, { evidence: sampled.evidence });
  // The waypoint delayed no request: the machine is busy, or a component behind the waypoint is slow.
  return unclear(name, typeof sampled.flagged === "number" ? "client" : "waypoint", seen, more);
}

async function sentAndLogged(context: VerifyContext, sample: Sample, parallel: number): Promise<Batch> {
  const sampleResult = await sendSample(context, sample, parallel);
  const lines = await loggedLines(context, sampleResult, sample.count);
  return { count: sample.count, answers: sampleResult.answers, lines };
}

function measured({ from, method, path }: Sample, { count, answers, lines }: Batch, delayMs: number): Sampled {
  const flags = typeof lines === "string" ? lines : lines.filter((line) => line.flags.split(",").includes("DI"));
  const times = answers.map(({ seconds }) => Math.round(seconds * 1000)).sort((a, b) => a - b);
  const slowFromMs = delayedFromMs(delayMs);
  return {
    ...{ count, answers, lines },
    slow: times.filter((ms) => ms >= slowFromMs).length,
    flagged: typeof flags === "string" ? flags : flags.length,
    latencies: { from, method, path, count, milliseconds: times, delayMs, slowFromMs },
    evidence: [
      { source: "client", lines: [`milliseconds: ${times.join(" ")}`] },
      logEvidence("waypoint log", typeof flags === "string" ? flags : flags.slice(0, 3)),
    ],
  };
}

/** Requests without an answer of the application prove nothing about a delay. */
function answersProblem(
  name: string,
  sample: Sample,
  { answers, lines, evidence }: Sampled,
  expected: string,
): Finding | undefined {
  const more = { expected, evidence };
  if (answers.length !== sample.count)
    return failed(name, "client", `${answers.length} of ${sample.count} requests were sent`, more);
  const odd = answers.filter(({ status }) => status === 0 || status === 403 || status >= 500);
  if (odd.length > 0) {
    const first = odd[0]?.status || "no answer";
    return failed(name, "waypoint", `${odd.length} of ${sample.count} requests met ${first}`, more);
  }
  const unrouted = answers.filter(({ status }) => status === 404).length;
  const refused = typeof lines === "string" ? [] : lines.filter((line) => line.flags.includes("NR"));
  if (refused.length > 0)
    return failed(name, "waypoint", `${unrouted} requests met 404: no route at the waypoint (NR)`, more);
  if (typeof lines !== "string" && lines.length !== sample.count) {
    return failed(name, "waypoint", `the waypoint logged ${lines.length} of ${sample.count} requests`, more);
  }
  return undefined;
}

/** The waypoint's log has more delayed requests than the client measured. */
function missingDelay(
  name: string,
  { slow, flagged, answers, evidence }: Sampled,
  delayMs: number,
  expected: string,
): Finding | undefined {
  if (typeof flagged === "string" || slow >= flagged) return undefined;
  const slowest = Math.round(Math.max(...answers.map(({ seconds }) => seconds)) * 1000);
  const seen = `the waypoint flagged ${flagged} as delayed, but ${slow} took ${delayMs} ms (the slowest ${slowest} ms)`;
  return failed(name, "waypoint", seen, { expected, evidence });
}

const flagWords = ({ flagged }: Sampled): string =>
  typeof flagged === "number" ? `the waypoint flagged ${flagged} with DI` : `no access log: ${flagged}`;
