import type { AppName } from "../../experiments/slices";
import type { VerifyContext } from "../context";
import type { SampleResult } from "../probe/sample";
import { lateLines } from "./late-lines";
import { recordsIn, unavailableIn } from "./log-reader";

/**
 * Lines that an application wrote about the requests of a sample: as soon as there are as many as expected, or those that
 * are there at the deadline; a reason when its log cannot be read.
 */
export async function appLines(
  context: VerifyContext,
  app: AppName,
  { id, answers }: SampleResult,
  atLeast: number,
): Promise<string[] | string> {
  return lateLines(context, { what: `lines of ${app}`, count: atLeast, answers }, () => read(context, app, id));
}

async function read(context: VerifyContext, app: AppName, id: string): Promise<string[] | string> {
  const pods = await context.podFinder.all(app, context.signal);
  const reads = await Promise.all(pods.map((pod) => context.logs.read(pod)));
  return unavailableIn(reads)?.unavailable ?? recordsIn(reads, "app", (line) => line.includes(id));
}
