import { describe, expect, it } from "vitest";
import { DeadlineError, eventually, realClock } from "../../../verify/eventually";
import { FakeClock } from "./fake/clock";

const options = (more: object = {}) => ({
  what: "the moon",
  deadlineMs: 1_000,
  intervalMs: 100,
  signal: new AbortController().signal,
  clock: new FakeClock(),
  ...more,
});

describe("eventually()", () => {
  it("returns the first success", async () => {
    let tries = 0;
    const value = await eventually(async () => {
      tries += 1;
      if (tries < 3) throw new Error("not yet");
      return tries;
    }, options());
    expect(value).toBe(3);
  });

  it("requires consecutive successes, and starts again after a failure", async () => {
    const plan = [true, true, false, true, true, true, true];
    let tries = 0;
    await eventually(
      async () => {
        if (!plan[tries++]) throw new Error("miss");
      },
      options({ streak: 3 }),
    );
    expect(tries).toBe(6);
  });

  it("names what it waited for, how often it tried and the last miss", async () => {
    const waiting = eventually(async () => {
      throw new Error("still dark");
    }, options());
    await expect(waiting).rejects.toThrow(/Waited 1 s for the moon \(\d+ attempts\): still dark/);
    await expect(waiting).rejects.toBeInstanceOf(DeadlineError);
  });

  it("ends an attempt that does not end by itself", async () => {
    const clock = { ...realClock, sleep: async () => undefined };
    const waiting = eventually(() => new Promise(() => undefined), options({ deadlineMs: 30, clock }));
    await expect(waiting).rejects.toThrow(/did not end within/);
  });

  /** Attempts with the given durations; the last one is aborted. */
  const lasting = (durations: readonly number[], deadlineMs: number) => {
    let ms = 0;
    const clock = { ...realClock, now: () => ms, sleep: async () => undefined };
    let tries = 0;
    const attempt = async (signal: AbortSignal) => {
      const takes = durations[tries++];
      if (takes === undefined) {
        signal.addEventListener("abort", () => {
          ms = deadlineMs;
        });
        return new Promise<never>(() => undefined);
      }
      ms += takes;
      throw new Error("still dark");
    };
    return eventually(attempt, options({ deadlineMs, clock }));
  };

  it("gives the last miss as the reason, not an attempt that had too little time to end", async () => {
    await expect(lasting([20, 20], 50)).rejects.toThrow(/still dark/);
  });

  it("gives an attempt that hangs as the reason, though others had missed before", async () => {
    await expect(lasting([5, 5], 50)).rejects.toThrow(/did not end within 40 ms/);
  });

  it("throws the signal's reason at once", async () => {
    const stop = new AbortController();
    const waiting = eventually(
      async () => {
        stop.abort(new Error("Interrupted"));
        throw new Error("miss");
      },
      options({ signal: stop.signal }),
    );
    await expect(waiting).rejects.toThrow("Interrupted");
  });
});
