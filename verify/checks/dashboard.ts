import { request, usualMethod } from "../../experiments/requests";
import type { LabObject } from "../../experiments/slices";
import type { VerifyContext } from "../context";
import { DeadlineError, eventually } from "../eventually";
import { send } from "../probe/send";

/** Interval between attempts, in milliseconds; Prometheus scrapes every 15 s. */
const intervalMs = 3_000;

/** Sends a GET request to the Service of a dashboard, and returns the JSON answer. */
export async function getJson(
  context: VerifyContext,
  service: LabObject,
  port: number,
  path: string,
): Promise<unknown> {
  const { pod, port: target } = await context.podFinder.behind(service, port, context.signal);
  const answer = await context.lab.podGet(pod, target, path, context.signal);
  if (answer.status !== 200) throw new Error(`${path}: status ${answer.status}`);
  const parsed: unknown = JSON.parse(answer.body);
  return parsed;
}

/** Sends requests that create telemetry, then calls `look`, and repeats both until `look` succeeds or until the deadline. */
export async function watch<T>(
  context: VerifyContext,
  what: string,
  look: () => Promise<T>,
  longestMs = context.timings.telemetryMs,
): Promise<T | DeadlineError> {
  try {
    return await eventually(
      async (signal) => {
        await Promise.allSettled(
          (["appa", "host"] as const).map((from) =>
            send(context, request(context.facts.settings, from, usualMethod(context.facts.settings)), signal),
          ),
        );
        return await look();
      },
      {
        what,
        deadlineMs: Math.min(context.timings.telemetryMs, longestMs),
        intervalMs,
        signal: context.signal,
        clock: context.clock,
      },
    );
  } catch (error) {
    if (error instanceof DeadlineError) return error;
    throw error;
  }
}
