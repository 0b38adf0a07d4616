import type { AppName, WaypointName } from "../../experiments/slices";
import type { VerifyContext } from "../context";
import { DeadlineError, eventually } from "../eventually";
import type { AccessLine } from "../logs/access-log";
import { recordsIn, unavailableIn } from "../logs/log-reader";
import type { Evidence } from "../report/schema";
import type { SampleAnswer } from "./curl";
import { accessLines, logLimit, longestLogMs } from "./records";
import type { SampleResult } from "./sample";

/** Lines of a log about the requests of a sample; the reason as text when the log cannot be read. */
export type LoggedLines<T> = readonly T[] | string;

interface ExpectedLines {
  /** Completes the message "waited for 200 …". */
  what: string;
  count: number;
  answers: readonly SampleAnswer[];
}

/**
 * Reads a log until it has the expected number of lines of a sample. A busy node writes them in pieces: while further lines
 * arrive, the deadline is extended, up to {@link longestLogMs}.
 *
 * @returns the lines at the deadline; the reason when the log cannot be read
 */
export async function lateLines<T>(
  context: Pick<VerifyContext, "timings" | "clock" | "signal">,
  { what, count, answers }: ExpectedLines,
  read: () => Promise<LoggedLines<T>>,
): Promise<LoggedLines<T>> {
  const { clock, signal } = context;
  const end = clock.now() + longestLogMs(context);
  let last: LoggedLines<T> = "not read";
  const length = () => (typeof last === "string" ? 0 : last.length);
  for (;;) {
    const before = length();
    const deadlineMs = Math.min(logLimit(context, answers), end - clock.now());
    try {
      await eventually(
        async () => {
          last = await read();
          if (typeof last === "string" || last.length < count) throw new Error(`${last.length} of ${count} lines`);
        },
        { what: `${count} ${what}`, deadlineMs, signal, clock },
      );
      return last;
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error;
      if (length() > before && clock.now() < end) continue;
      // The deadline may have cut off the last read: the first read here joins one in progress, the second is complete.
      await read();
      return await read();
    }
  }
}

/** Access lines of a waypoint about a sample. */
export async function loggedLines(
  context: VerifyContext,
  { id, answers }: SampleResult,
  count: number,
  waypoint: WaypointName = "waypoint",
): Promise<LoggedLines<AccessLine>> {
  return lateLines(context, { what: "access lines", count, answers }, async () => {
    const read = await accessLines(context, waypoint, id);
    if ("unavailable" in read) return read.unavailable;
    return read.silent ? `${waypoint} wrote none` : read.found;
  });
}

/** Lines of an application's log about a sample. */
export async function appLines(
  context: VerifyContext,
  app: AppName,
  { id, answers }: SampleResult,
  atLeast: number,
): Promise<LoggedLines<string>> {
  return lateLines(context, { what: `lines of ${app}`, count: atLeast, answers }, async () => {
    const pods = await context.podFinder.all(app, context.signal);
    const reads = await Promise.all(pods.map((pod) => context.logs.read(pod)));
    return unavailableIn(reads)?.unavailable ?? recordsIn(reads, "app", (line) => line.includes(id));
  });
}

/** The lines of two samples; the reason when one of the logs could not be read. */
export const joinedLines = <T>(first: LoggedLines<T>, second: LoggedLines<T>): LoggedLines<T> =>
  typeof first === "string" ? first : typeof second === "string" ? second : [...first, ...second];

/** The number of lines, for a message. */
export const lineCount = (lines: LoggedLines<unknown>): number | "unknown" =>
  typeof lines === "string" ? "unknown" : lines.length;

/** Lines of a log as evidence. */
export const logEvidence = (source: string, lines: LoggedLines<AccessLine | string>): Evidence => ({
  source,
  lines:
    typeof lines === "string"
      ? [`unavailable: ${lines}`]
      : lines.map((line) => (typeof line === "string" ? line : line.text)),
});
