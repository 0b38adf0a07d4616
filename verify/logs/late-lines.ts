import type { VerifyContext } from "../context";
import { DeadlineError, eventually } from "../eventually";
import type { SampleAnswer } from "../probe/curl";
import { logLimit, longestLogMs } from "../probe/records";

/** Lines of a sample that are waited for. */
export interface Awaited {
  /** What they are, as it completes "waited for 200 …". */
  what: string;
  count: number;
  answers: readonly SampleAnswer[];
}

/**
 * Reads a log until it has as many lines of a sample as expected. A busy machine hands them out in pieces: as long as some
 * still come there is more time, up to {@link longestLogMs}.
 *
 * @returns what is there in the end; a reason when the log cannot be read
 */
export async function lateLines<T>(
  context: Pick<VerifyContext, "timings" | "clock" | "signal">,
  { what, count, answers }: Awaited,
  read: () => Promise<T[] | string>,
): Promise<T[] | string> {
  const { clock, signal } = context;
  const end = clock.now() + longestLogMs(context);
  let last: T[] | string = "not read";
  const length = () => (typeof last === "string" ? 0 : last.length);
  for (;;) {
    const before = length();
    try {
      await eventually(
        async () => {
          last = await read();
          if (typeof last === "string" || last.length < count) throw new Error(`${last.length} of ${count} lines`);
        },
        {
          what: `${count} ${what}`,
          deadlineMs: Math.min(logLimit(context, answers), end - clock.now()),
          ...{ signal, clock },
        },
      );
      return last;
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error;
      if (length() > before && clock.now() < end) continue;
      // The reads before may have been cut off: the last one has all its time, once the one that has begun is over.
      await read();
      return await read();
    }
  }
}
