import { stripVTControlCharacters } from "node:util";
import pc from "picocolors";
import { printable, printableColours } from "../../host/printable";
import type { Verdict } from "../../verify/report/schema";
import { verdictMark } from "../../verify/report/text";
import { type Io, isColoured } from "./io";

const clearLine = `\r${String.fromCharCode(27)}[2K`;

/** A log that is silent for longer looks like one that hangs. */
const silenceMs = 30_000;

/** One finished phase. */
export interface Phase {
  title: string;
  /** Milliseconds from the command's start to the phase's. */
  startMs: number;
  ms: number;
}

/** What happens, on stderr: finished things as lines, on a terminal one more line for what runs now. */
export class Progress {
  /** Finished phases in order. */
  readonly phases: Phase[] = [];
  /** Every line that was said, without colours: a bug report wants to know how far it went. */
  readonly lines: string[] = [];
  readonly colors: ReturnType<typeof pc.createColors>;
  readonly #io: Pick<Io, "stderr" | "live" | "columns" | "signal">;
  readonly #born = performance.now();
  #status = "";
  #saidAt = performance.now();

  constructor(io: Pick<Io, "stderr" | "live" | "columns" | "env" | "signal">) {
    this.#io = io;
    this.colors = pc.createColors(isColoured(io));
  }

  /** Prints a permanent line. */
  line(line: string): void {
    const text = printableColours(line);
    this.lines.push(stripVTControlCharacters(text));
    this.#saidAt = performance.now();
    this.#io.stderr.write(
      `${this.#io.live && this.#status ? clearLine : ""}${text}\n${this.#io.live ? this.#status : ""}`,
    );
  }

  /** Shows what runs now: a terminal redraws it in place, a log gets a line when nothing was said for a while. */
  status(line: string): void {
    const text = printable(line);
    if (!this.#io.live) {
      if (text !== "" && performance.now() - this.#saidAt >= silenceMs) this.line(text);
      return;
    }
    const short = text.length < this.#io.columns ? text : `${text.slice(0, this.#io.columns - 2)}…`;
    const shown = short && this.colors.dim(short);
    this.#io.stderr.write(`${this.#status ? clearLine : ""}${shown}`);
    this.#status = shown;
  }

  /**
   * Runs a phase and says how long it took. None begins after an interrupt, which the one before may not have noticed.
   * @param verdictOf verdict of the result, which the phase's mark shows. @default "pass"
   */
  async phase<T>(title: string, work: () => Promise<T>, verdictOf?: (result: T) => Verdict): Promise<T> {
    this.#io.signal.throwIfAborted();
    const begin = performance.now();
    if (this.#io.live) this.status(`· ${title} …`);
    else this.line(`· ${title}`);
    try {
      const result = await work();
      const ms = performance.now() - begin;
      this.phases.push({ title, startMs: begin - this.#born, ms });
      this.status("");
      const mark = verdictMark(verdictOf?.(result) ?? "pass", { colour: this.colors.isColorSupported });
      this.line(`${mark} ${title}  ${this.colors.dim(seconds(ms))}`);
      return result;
    } catch (thrown) {
      this.status("");
      throw thrown;
    }
  }
}

/** A length of time as people write it: 0.4 s, 24 s, 2 min 5 s. */
export function seconds(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const whole = Math.round(ms / 1000);
  return whole < 120 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
