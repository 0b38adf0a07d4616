import { durationMs } from "../../config/vocabulary";
import type { Sample } from "../../experiments/types";
import { binomialBand } from "../binomial";
import type { VerifyContext } from "../context";
import { delayedFromMs } from "../lab-facts";
import type { AccessLine } from "../logs/access-log";
import type { SampleAnswer } from "../probe/curl";
import { sendSample } from "../probe/sample";
import type { Evidence, Finding, LatencySample } from "../report/schema";
import { type CheckRun, failed, passed, skipped, unclear } from "./check";
import { loggedLines } from "./counted";

/** Longer delays are proven by configuration alone: a sample would take minutes. */
const longestDelayMs = 60_000;
/** From here on a delay cannot be mistaken for a slow machine, so that the clock may judge beside the log. */
const clearDelayMs = 1_000;

/** What a sample showed, by the client's clock and by the waypoint's log. */
interface Sampled {
  answers: readonly SampleAnswer[];
  /** Requests that took at least the delay. */
  slow: number;
  /** Requests flagged DI (delay injected); a reason when the log cannot be read. */
  flagged: number | string;
  lines: readonly AccessLine[] | string;
  /** The latencies, for the report. */
  latencies: LatencySample;
  evidence: readonly Evidence[];
}

/** The share of delayed requests is within the exact band of the configured percent. */
export const share: CheckRun<"share"> = async (context, { name, sample, percent, delay, falseAlarm }) => {
  const delayMs = durationMs(delay);
  if (delayMs > longestDelayMs) return [skipped(name, "waypoint", `${delay} is too long to sample`)];
  const band = binomialBand(sample.count, percent / 100, falseAlarm);
  const busy = sample.count * (percent / 100) * delayMs;
  const sampled = await take(context, sample, Math.min(100, Math.max(25, Math.ceil(busy / 4_000))), delayMs);
  const expected = `${band.low} to ${band.high} of ${sample.count} delayed by ${delay}`;
  const measured = { ...sampled.latencies, share: { percent, ...band } };
  const problem = answersProblem(name, sample, sampled, expected) ?? disagreement(name, sampled, delayMs, expected);
  if (problem) return [{ ...problem, sample: measured }];
  const delayed = typeof sampled.flagged === "number" ? sampled.flagged : sampled.slow;
  const seen = `${delayed} of ${sample.count} delayed, expected ${band.low} to ${band.high}; ${flagWords(sampled)}`;
  const good = delayed >= band.low && delayed <= band.high;
  const make = good ? passed : failed;
  const finding = make(name, "waypoint", seen, { ...(good ? {} : { expected }), evidence: sampled.evidence });
  return [{ ...finding, sample: measured }];
};

/** No request to the control path is delayed. */
export const neverSlow: CheckRun<"never-slow"> = async (context, { name, sample, delay }) => {
  const delayMs = durationMs(delay);
  const sampled = await take(context, sample, 10, delayMs);
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
  // The waypoint delayed none: either the machine is busy, or a component behind the waypoint is slow.
  return unclear(name, typeof sampled.flagged === "number" ? "client" : "waypoint", seen, more);
}

async function take(context: VerifyContext, sample: Sample, parallel: number, delayMs: number): Promise<Sampled> {
  const sampleResult = await sendSample(context, sample, parallel);
  const { answers } = sampleResult;
  const lines = await loggedLines(context, sampleResult, sample.count);
  const flags = typeof lines === "string" ? lines : lines.filter((line) => line.flags.split(",").includes("DI"));
  const times = answers.map(({ seconds }) => Math.round(seconds * 1000)).sort((a, b) => a - b);
  const slowFromMs = delayedFromMs(delayMs);
  const { from, method, path, count } = sample;
  const text = typeof flags === "string" ? [`unavailable: ${flags}`] : flags.slice(0, 3).map((line) => line.text);
  return {
    answers,
    slow: times.filter((ms) => ms >= slowFromMs).length,
    flagged: typeof flags === "string" ? flags : flags.length,
    lines,
    latencies: { from, method, path, count, milliseconds: times, delayMs, slowFromMs },
    evidence: [
      { source: "client", lines: [`milliseconds: ${times.join(" ")}`] },
      { source: "waypoint log", lines: text },
    ],
  };
}

/** Requests without the app's answer say nothing about a delay. */
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

/** Whether the log's flags agree with the latencies that the client measured. */
function disagreement(
  name: string,
  { slow, flagged, answers, evidence }: Sampled,
  delayMs: number,
  expected: string,
): Finding | undefined {
  if (typeof flagged === "string") return undefined;
  const more = slow > flagged && delayMs >= clearDelayMs;
  if (slow >= flagged && !more) return undefined;
  const slowest = Math.round(Math.max(...answers.map(({ seconds }) => seconds)) * 1000);
  const seen = `the waypoint flagged ${flagged} as delayed, but ${slow} took ${delayMs} ms (the slowest ${slowest} ms)`;
  // More slow requests than the waypoint delayed: the machine is busy. Fewer: the delay it claims is not there.
  return more
    ? unclear(name, "client", seen, { expected, evidence })
    : failed(name, "waypoint", seen, { expected, evidence });
}

const flagWords = ({ flagged }: Sampled): string =>
  typeof flagged === "number" ? `the waypoint flagged ${flagged} with DI` : `no access log: ${flagged}`;
