import type { LabObject } from "../../experiments/objects";
import { request, usualMethod } from "../../experiments/requests";
import type { Bench } from "../context";
import { DeadlineError, eventually } from "../eventually";
import { send } from "../probe/send";

/** Between two looks at something that moves every 15 s. */
const lookMs = 3_000;

/** GET on a dashboard's Service, parsed. */
export async function ask(bench: Bench, service: LabObject, port: number, path: string): Promise<unknown> {
  const { pod, port: target } = await bench.cast.behind(service, port, bench.signal);
  const answer = await bench.world.podGet(pod, target, path, bench.signal);
  if (answer.status !== 200) throw new Error(`${path}: status ${answer.status}`);
  const parsed: unknown = JSON.parse(answer.body);
  return parsed;
}

/** Sends a request each way, so that there is something to see, then looks; until it is seen or time is up. */
export async function watch<T>(
  bench: Bench,
  what: string,
  look: () => Promise<T>,
  longestMs = bench.timings.telemetryMs,
): Promise<T | DeadlineError> {
  try {
    return await eventually(
      async (signal) => {
        await Promise.allSettled(
          (["appa", "host"] as const).map((from) =>
            send(bench, request(bench.facts.settings, from, usualMethod(bench.facts.settings)), signal),
          ),
        );
        return await look();
      },
      {
        what,
        deadlineMs: Math.min(bench.timings.telemetryMs, longestMs),
        intervalMs: lookMs,
        signal: bench.signal,
        clock: bench.clock,
      },
    );
  } catch (error) {
    if (error instanceof DeadlineError) return error;
    throw error;
  }
}
