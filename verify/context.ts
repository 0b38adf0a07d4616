import type { LabFacts } from "../experiments/types";
import type { Clock, EventuallyOptions } from "./eventually";
import type { LabClient } from "./lab-client";
import type { LogReader } from "./logs/log-reader";
import type { PodFinder } from "./pods";

/** Timeouts and intervals of the verifier in milliseconds. */
export interface Timings {
  /** Deadline for an expected state: answers, rollouts, configuration. */
  convergeMs: number;
  /** Time between two attempts. */
  intervalMs: number;
  /** Consecutive successes after which a state counts as reached. */
  streak: number;
  /** Deadline for the log line of a request; Envoy flushes its access log about once a second. */
  logMs: number;
  /** Deadline for the log line of a pooled connection, which ztunnel writes when the connection closes. */
  pooledMs: number;
  /** Deadline for metrics and graphs of a request: Prometheus scrapes every 15 s. */
  telemetryMs: number;
  /** Timeout of one request, without an injected delay. */
  requestMs: number;
  /** Deadline for restoring an object after a change. */
  restoreMs: number;
}

/** Waiting times of a lab on a laptop. */
export const labTimings: Timings = {
  convergeMs: 15_000,
  intervalMs: 300,
  streak: 3,
  logMs: 5_000,
  pooledMs: 20_000,
  telemetryMs: 75_000,
  requestMs: 5_000,
  restoreMs: 30_000,
};

/** A file that a check adds to the evidence folder. */
interface Attachment {
  about: string;
  bytes: Uint8Array;
}

/** The context of a run, which every check gets. */
export interface VerifyContext {
  facts: LabFacts;
  lab: LabClient;
  clock: Clock;
  timings: Timings;
  podFinder: PodFinder;
  logs: LogReader;
  /** Binary files for the evidence folder, by name. */
  attachments: Map<string, Attachment>;
  signal: AbortSignal;
}

/** Options of {@link eventually} for an expected state of the lab. @param what completes the message "waited for …" */
export const converging = (
  { timings, signal, clock }: Pick<VerifyContext, "timings" | "signal" | "clock">,
  what: string,
): EventuallyOptions => ({
  ...{ what, deadlineMs: timings.convergeMs, intervalMs: timings.intervalMs, streak: timings.streak, signal, clock },
});
