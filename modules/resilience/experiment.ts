import { check, configGate } from "../../experiments/checks";
import { meshPath, policies } from "../../experiments/objects";
import { inMeshClient, serviceProbes, usualMethod } from "../../experiments/requests";
import type { Check, Experiment, Outcome } from "../../experiments/types";
import { numbers } from "./objects";

const { abort, timeout, retries, limit } = numbers;
/** Longer than the timeout, so that an answer is that of the waypoint. */
const slowSeconds = 3;

/** Faults, timeouts, retries and a rate limit, each with its own numbers. */
export const resilienceNumbers: Experiment = {
  id: "resilience",
  module: "resilience",
  tour: { id: "resilience", title: "Break requests on purpose: abort, timeout, retries, rate limit" },
  title: "Abort, timeout, retries and rate limit work where they are configured, with their numbers",
  question:
    "Does the waypoint abort, time out, retry and limit exactly as configured, and does the application get the requests that it should?",
  why: "Each leaves a flag in the waypoint's log: FI for an injected abort, UT for a timeout, URX for exhausted retries, RL for the rate limit. The application's own log is the second source: it has no aborted or limited request, and a request with three retries four times.",
  rows: [],
  objects: [
    ...meshPath.filter((object) => object !== "Service/appb"),
    "Service/appb-resilience",
    "Service/appb-limited",
    "VirtualService/appb-resilience",
    "EnvoyFilter/appb-limited",
    "AuthorizationPolicy/appb-resilience-l7",
    ...policies.filter((policy) => policy !== "AuthorizationPolicy/appb-l7"),
  ],
  skip: ({ settings }) => (inMeshClient(settings) ? undefined : "allowedCallers names no caller inside the mesh"),
  steps: (settings) => {
    const from = inMeshClient(settings) ?? "appa";
    const method = usualMethod(settings);
    const outcome = (name: string, path: string, expected: Outcome): Check => {
      const sample = { from, method, path, count: 5, service: "appb-resilience" } as const;
      return check(name, { check: "outcome", sample, ...expected });
    };
    const many = { from, method, path: "/anything", count: 60, service: "appb-limited" } as const;
    const tries = 1 + retries.attempts;
    return [
      configGate("configuration of appb-resilience", "appb-resilience"),
      configGate("configuration of appb-limited", "appb-limited"),
      ...serviceProbes(settings, "appb-resilience", "AuthorizationPolicy/appb-resilience-l7"),
      outcome("another path is left alone", "/anything", { status: 200, flags: "-", attempts: 1 }),
      outcome(`${abort.path} is aborted with ${abort.status}, and never seen by the app`, `${abort.path}/200`, {
        status: abort.status,
        flags: "FI",
        attempts: 0,
      }),
      outcome(`${timeout.path} is given up after ${timeout.ms} ms`, `${timeout.path}/${slowSeconds}`, {
        status: 504,
        flags: "UT",
        attempts: 1,
        between: [timeout.ms, slowSeconds * 1_000],
      }),
      outcome(`${retries.path} is tried ${tries} times`, `${retries.path}?failure_rate=1`, {
        status: 500,
        flags: "URX",
        attempts: tries,
      }),
      check(`${limit.burst} at once and ${limit.perSecond} a second are let through`, {
        check: "limited",
        sample: many,
        ...limit,
      }),
    ];
  },
};
