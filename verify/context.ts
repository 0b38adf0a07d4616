import type { LabFacts } from "../experiments/types";
import type { Clock } from "./eventually";
import type { LabClient } from "./lab-client";
import type { LogReader } from "./logs/log-reader";
import type { PodFinder } from "./pods";

/** Timeouts and intervals of the verifier in milliseconds, and how often a good state has to be seen. */
export interface Timings {
  /** Until an expected state is reached: answers, rollouts, configuration. */
  convergeMs: number;
  /** Between two attempts. */
  intervalMs: number;
  /** Good answers in a row that count as one. */
  streak: number;
  /** For a log line after its request; Envoy flushes its access log about once a second. */
  logMs: number;
  /** For the line of a pooled connection, which comes when it closes. */
  pooledMs: number;
  /** Until metrics and graphs show a request: Prometheus scrapes every 15 s. */
  telemetryMs: number;
  /** For one request, beside an injected delay. */
  requestMs: number;
  /** To restore an object after a change. */
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

/** A file that a check leaves for the evidence folder. */
interface Attachment {
  about: string;
  bytes: Uint8Array;
}

/** What every check has access to. */
export interface VerifyContext {
  facts: LabFacts;
  lab: LabClient;
  clock: Clock;
  timings: Timings;
  podFinder: PodFinder;
  logs: LogReader;
  /** Files for the evidence folder that are no text, by name. */
  attachments: Map<string, Attachment>;
  signal: AbortSignal;
}
