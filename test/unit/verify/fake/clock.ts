import type { Clock } from "../../../../verify/eventually";

interface Sleeper {
  at: number;
  wake: () => void;
}

/** A clock that advances to the next timer as soon as all tasks wait for a timer. */
export class FakeClock implements Clock {
  #now = Date.parse("2026-11-23T12:00:00Z");
  readonly #sleepers = new Set<Sleeper>();
  #pumping = false;

  now = (): number => this.#now;

  sleep = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const stop = () => {
        cancel();
        reject(signal.reason);
      };
      signal.addEventListener("abort", stop, { once: true });
      const cancel = this.timer(ms, () => {
        signal.removeEventListener("abort", stop);
        resolve();
      });
    });

  timer = (ms: number, callback: () => void): (() => void) => {
    const sleeper = { at: this.#now + Math.max(ms, 1), wake: callback };
    this.#sleepers.add(sleeper);
    this.#pump();
    return () => this.#sleepers.delete(sleeper);
  };

  /** Advances the clock in the next turn of the event loop: all other tasks use only promises, so by then they wait for timers. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    setImmediate(() => {
      this.#pumping = false;
      const sleepers = [...this.#sleepers];
      const next = Math.min(...sleepers.map(({ at }) => at));
      if (!Number.isFinite(next)) return;
      this.#now = Math.max(this.#now, next);
      const due = sleepers.filter(({ at }) => at <= next);
      for (const sleeper of due) this.#sleepers.delete(sleeper);
      for (const { wake } of due) wake();
      if (this.#sleepers.size > 0) this.#pump();
    });
  }
}
