import type { AppName } from "../experiments/types";
import type { Volley } from "./batch";
import type { Bench } from "./bench";
import { DeadlineError, eventually } from "./eventually";
import { logLimit } from "./records";

/**
 * Lines that an application wrote about the requests of a sample: as soon as there are as many as expected, or those that
 * are there at the deadline; a reason when its log cannot be read.
 */
export async function appLines(
  bench: Bench,
  app: AppName,
  { id, shots }: Volley,
  atLeast: number,
): Promise<string[] | string> {
  let last: string[] | string = "not read";
  try {
    await eventually(
      async () => {
        last = await read(bench, app, id);
        if (typeof last === "string" || last.length < atLeast) throw new Error(`${last.length} of ${atLeast} lines`);
      },
      {
        ...{ what: `${atLeast} lines of ${app}`, deadlineMs: logLimit(bench, shots) },
        ...{ signal: bench.signal, clock: bench.clock },
      },
    );
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
  }
  return last;
}

async function read(bench: Bench, app: AppName, id: string): Promise<string[] | string> {
  const pods = await bench.cast.all(app, bench.signal);
  const reads = await Promise.all(pods.map((pod) => bench.logs.read(pod)));
  const failed = reads.find((each) => "unavailable" in each);
  if (failed && "unavailable" in failed) return failed.unavailable;
  return reads.flatMap((each) => ("lines" in each ? each.lines : [])).filter((line) => line.includes(id));
}
