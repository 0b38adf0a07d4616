import type { Clock } from "../../../../verify/eventually";

interface Sleeper {
  at: number;
  wake: () => void;
}

/** Time that passes only while everybody sleeps, and then at once. */
export class FakeClock implements Clock {
  #now = Date.parse("2026-11-23T12:00:00Z");
  #sleepers: Sleeper[] = [];
  #pumping = false;

  now = (): number => this.#now;

  sleep = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const stop = () => {
        this.#sleepers = this.#sleepers.filter((each) => each.wake !== wake);
        reject(signal.reason);
      };
      signal.addEventListener("abort", stop, { once: true });
      const wake = () => {
        signal.removeEventListener("abort", stop);
        resolve();
      };
      this.#sleepers.push({ at: this.#now + Math.max(ms, 1), wake });
      this.#pump();
    });

  timer = (ms: number, callback: () => void): (() => void) => {
    const stopped = new AbortController();
    this.sleep(ms, stopped.signal).then(callback, () => undefined);
    return () => stopped.abort();
  };

  /** All that is not asleep runs on promises alone, so that a turn of the event loop later nobody is awake. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    setImmediate(() => {
      this.#pumping = false;
      const next = Math.min(...this.#sleepers.map(({ at }) => at));
      if (!Number.isFinite(next)) return;
      this.#now = Math.max(this.#now, next);
      const due = this.#sleepers.filter(({ at }) => at <= next);
      this.#sleepers = this.#sleepers.filter(({ at }) => at > next);
      for (const { wake } of due) wake();
      if (this.#sleepers.length > 0) this.#pump();
    });
  }
}
