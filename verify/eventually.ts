import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../host/errors";

/** The clock of the verifier. Tests use a fake one. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Rejects when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Calls back once, after so many milliseconds. @returns a function that stops the timer */
  timer(ms: number, callback: () => void): () => void;
}

/** The time of this machine. */
export const realClock: Clock = {
  now: Date.now,
  sleep: (ms, signal) => delay(ms, undefined, { signal }),
  timer: (ms, callback) => {
    const timeout = setTimeout(callback, ms);
    return () => clearTimeout(timeout);
  },
};

/** How {@link eventually} waits. */
export interface EventuallyOptions {
  /** The awaited state, as it completes "waited for …". */
  what: string;
  deadlineMs: number;
  /** @default 300 */
  intervalMs?: number;
  /** Required consecutive successes. @default 1 */
  streak?: number;
  signal: AbortSignal;
  /** @default the time of this machine */
  clock?: Clock;
}

/** The deadline passed. The message has the condition, the number of attempts and the last failure. */
export class DeadlineError extends Error {
  readonly attempts: number;

  constructor(options: EventuallyOptions, attempts: number, last: unknown) {
    const miss = last === undefined ? "no attempt ended" : messageOf(last);
    super(`Waited ${options.deadlineMs / 1000} s for ${options.what} (${attempts} attempts): ${miss}`, { cause: last });
    this.name = "DeadlineError";
    this.attempts = attempts;
  }
}

/**
 * Repeats an attempt until it succeeds `streak` times in a row. An attempt fails when it throws. No other function of the verifier waits.
 * @throws DeadlineError when time is up; the signal's reason when it aborts
 */
export async function eventually<T>(
  attempt: (signal: AbortSignal) => Promise<T>,
  options: EventuallyOptions,
): Promise<T> {
  const { deadlineMs, intervalMs = 300, streak = 1, signal, clock = realClock } = options;
  const end = clock.now() + deadlineMs;
  let attempts = 0;
  let row = 0;
  let last: unknown;
  let longest = 0;
  for (;;) {
    signal.throwIfAborted();
    const left = end - clock.now();
    if (left <= 0 && attempts > 0) throw new DeadlineError(options, attempts, last);
    const began = clock.now();
    try {
      attempts += 1;
      const value = await bounded(attempt, Math.max(left, 1), signal, clock);
      longest = Math.max(longest, clock.now() - began);
      row += 1;
      if (row >= streak) return value;
      last = new Error(`${row} of ${streak} successes in a row`);
    } catch (miss) {
      signal.throwIfAborted();
      row = 0;
      const cutOff = miss instanceof TimeLimitError;
      if (!cutOff) longest = Math.max(longest, clock.now() - began);
      // An attempt that was cut off earlier than others took is no result; one that had more time hangs.
      if (!cutOff || last === undefined || left >= longest) last = miss;
    }
    await clock.sleep(Math.min(intervalMs, Math.max(end - clock.now(), 0)), signal);
  }
}

/** An attempt did not end in time. The state is unknown: the machine may be busy. */
export class TimeLimitError extends Error {}

/** Makes one attempt with a time limit, also when the attempt ignores its signal. */
export async function bounded<T>(
  attempt: (signal: AbortSignal) => Promise<T>,
  ms: number,
  signal: AbortSignal,
  clock: Clock = realClock,
): Promise<T> {
  const limit = new AbortController();
  const stop = clock.timer(ms, () => limit.abort(new TimeLimitError(`the attempt did not end within ${ms} ms`)));
  const both = AbortSignal.any([signal, limit.signal]);
  try {
    return await Promise.race([attempt(both), aborted(both)]);
  } finally {
    stop();
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
