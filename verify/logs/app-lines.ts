import type { AppName } from "../../experiments/types";
import type { Bench } from "../context";
import type { Volley } from "../probe/sample";
import { lateLines } from "./late-lines";

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
  return lateLines(bench, { what: `lines of ${app}`, count: atLeast, shots }, () => read(bench, app, id));
}

async function read(bench: Bench, app: AppName, id: string): Promise<string[] | string> {
  const pods = await bench.cast.all(app, bench.signal);
  const reads = await Promise.all(pods.map((pod) => bench.logs.read(pod)));
  const failed = reads.find((each) => "unavailable" in each);
  if (failed && "unavailable" in failed) return failed.unavailable;
  return reads.flatMap((each) => ("lines" in each ? each.lines : [])).filter((line) => line.includes(id));
}
