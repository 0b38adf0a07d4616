import { podsBehind } from "../../experiments/names";
import type { VerifyContext } from "../context";
import { eventually } from "../eventually";
import { sendSample } from "../probe/sample";
import { appLines, lineCount, logEvidence, loggedLines } from "../probe/sample-logs";
import { type CheckRun, failed, passed, unclear } from "./check";

const parallel = 20;

/** The waypoint forwards as many concurrent requests as the bucket has tokens, and answers all further ones with 429. */
export const limited: CheckRun<"limited"> = async (context, { name, sample, burst, perSecond }) => {
  await refilled(context, burst / perSecond);
  const started = context.clock.now();
  const sampleResult = await sendSample(context, sample, parallel);
  const seconds = Math.ceil((context.clock.now() - started) / 1000);
  const lines = await loggedLines(context, sampleResult, sample.count);
  const answered = sampleResult.answers.filter(({ status }) => status >= 200 && status < 300).length;
  const turned = sampleResult.answers.filter(({ status }) => status === 429).length;
  const app = podsBehind(sample.service ?? "appb");
  const written = await appLines(context, app, sampleResult, answered);
  // The bucket is refilled at intervals: one refill may coincide with the first request, and one with the last.
  const most = burst + perSecond * (seconds + 1);
  const flagged = typeof lines === "string" ? undefined : lines.filter((line) => line.flags === "RL").length;
  const expected = `${burst} to ${most} of ${sample.count} let through in ${seconds} s, all else 429 flagged RL`;
  const seen = `${answered} let through in ${seconds} s, ${turned} × 429, ${flagged ?? "unknown"} flagged RL, ${lineCount(written)} in ${app}'s log`;
  const evidence = [logEvidence("waypoint log", lines), logEvidence(`${app} log`, written)];
  const more = { expected, evidence };
  if (answered + turned !== sample.count) return [failed(name, "waypoint", seen, more)];
  if (answered < burst || answered > most) return [failed(name, "waypoint", seen, more)];
  // If the client is so slow that the limit allows all requests, the sample proves no limit.
  if (most >= sample.count)
    return [unclear(name, "client", `${seen}: the client was too slow to reach the limit`, more)];
  if (flagged === undefined) return [unclear(name, "waypoint", seen, more)];
  if (flagged !== turned) return [failed(name, "waypoint", seen, more)];
  if (typeof written === "string") return [unclear(name, "app", seen, more)];
  if (written.length !== answered) return [failed(name, "waypoint", seen, more)];
  return [passed(name, "waypoint", seen, { evidence })];
};

/** Waits until the bucket is full again after an earlier run. */
async function refilled({ clock, signal }: VerifyContext, seconds: number): Promise<void> {
  const full = clock.now() + (seconds + 1) * 1000;
  await eventually(
    async () => {
      if (clock.now() < full) throw new Error("it is not full yet");
    },
    { what: "the bucket to fill", deadlineMs: (seconds + 10) * 1000, intervalMs: 500, signal, clock },
  );
}
