import { podsBehind } from "../../experiments/names";
import type { VerifyContext } from "../context";
import { eventually } from "../eventually";
import { appLines } from "../logs/app-lines";
import { sendSample } from "../probe/sample";
import { type CheckRun, failed, passed, unclear } from "./check";
import { loggedLines } from "./counted";

const parallel = 20;

/** The waypoint passes as many concurrent requests as the bucket has tokens, and answers the others with 429. */
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
  // Tokens come one fill at a time: one may fall on the first request, and one on the last.
  const most = burst + perSecond * (seconds + 1);
  const flagged = typeof lines === "string" ? undefined : lines.filter((line) => line.flags === "RL").length;
  const met = typeof written === "string" ? undefined : written.length;
  const expected = `${burst} to ${most} of ${sample.count} let through in ${seconds} s, all else 429 flagged RL`;
  const seen = `${answered} let through in ${seconds} s, ${turned} × 429, ${flagged ?? "unknown"} flagged RL, ${met ?? "unknown"} in ${app}'s log`;
  const evidence = [
    { source: "waypoint log", lines: typeof lines === "string" ? [`unavailable: ${lines}`] : lines.map((l) => l.text) },
    { source: `${app} log`, lines: typeof written === "string" ? [`unavailable: ${written}`] : written },
  ];
  const more = { expected, evidence };
  if (answered + turned !== sample.count) return [failed(name, "waypoint", seen, more)];
  if (answered < burst || answered > most) return [failed(name, "waypoint", seen, more)];
  // A machine that sends them so slowly that all may pass shows no limit.
  if (most >= sample.count) return [unclear(name, "client", `${seen}: too slow for a limit to show`, more)];
  if (flagged === undefined) return [unclear(name, "waypoint", seen, more)];
  if (flagged !== turned) return [failed(name, "waypoint", seen, more)];
  if (met === undefined) return [unclear(name, "app", seen, more)];
  if (met !== answered) return [failed(name, "waypoint", seen, more)];
  return [passed(name, "waypoint", seen, { evidence })];
};

/** Waits until the bucket is full, whatever an earlier run took from it. */
async function refilled({ clock, signal }: VerifyContext, seconds: number): Promise<void> {
  const full = clock.now() + (seconds + 1) * 1000;
  await eventually(
    async () => {
      if (clock.now() < full) throw new Error("it is not full yet");
    },
    { what: "the bucket to fill", deadlineMs: (seconds + 10) * 1000, intervalMs: 500, signal, clock },
  );
}
