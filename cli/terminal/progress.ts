import { stripVTControlCharacters } from "node:util";
import pc from "picocolors";
import { printable, printableColours } from "../../host/printable";
import type { Verdict } from "../../verify/report/schema";
import { verdictMark } from "../../verify/report/text";
import { type Io, isColoured } from "./io";

const clearLine = `\r${String.fromCharCode(27)}[2K`;

/** Longest time without a line in a log, in milliseconds. */
const silenceMs = 30_000;

/** One finished phase. */
export interface Phase {
  title: string;
  /** Milliseconds from the command's start to the phase's. */
  startMs: number;
  ms: number;
}

/** Progress on stderr: permanent lines and, on a terminal, a status line. */
export class Progress {
  /** Finished phases in order. */
  readonly phases: Phase[] = [];
  /** All printed lines without colours, for a bug report. */
  readonly lines: string[] = [];
  readonly colors: ReturnType<typeof pc.createColors>;
  readonly #io: Pick<Io, "stderr" | "live" | "columns" | "signal">;
  readonly #createdAt = performance.now();
  #status = "";
  #lastLineAt = performance.now();

  constructor(io: Pick<Io, "stderr" | "live" | "columns" | "env" | "signal">) {
    this.#io = io;
    this.colors = pc.createColors(isColoured(io));
  }

  /** Prints a permanent line. */
  line(line: string): void {
    const text = printableColours(line);
    this.lines.push(stripVTControlCharacters(text));
    this.#lastLineAt = performance.now();
    this.#io.stderr.write(
      `${this.#io.live && this.#status ? clearLine : ""}${text}\n${this.#io.live ? this.#status : ""}`,
    );
  }

  /** Shows the status: a terminal redraws it in place, a log gets it as a line after 30 s without one. */
  status(line: string): void {
    const text = printable(line);
    if (!this.#io.live) {
      if (text !== "" && performance.now() - this.#lastLineAt >= silenceMs) this.line(text);
      return;
    }
    const short = text.length < this.#io.columns ? text : `${text.slice(0, this.#io.columns - 2)}…`;
    const shown = short && this.colors.dim(short);
    this.#io.stderr.write(`${this.#status ? clearLine : ""}${shown}`);
    this.#status = shown;
  }

  /**
   * Runs a phase and prints its duration.
   * @param verdictOf verdict of the result, for the mark of the phase. @default "pass"
   * @throws the reason of the signal after an interrupt, which the previous phase may not have noticed
   */
  async phase<T>(title: string, work: () => Promise<T>, verdictOf?: (result: T) => Verdict): Promise<T> {
    this.#io.signal.throwIfAborted();
    const begin = performance.now();
    if (this.#io.live) this.status(`· ${title} …`);
    else this.line(`· ${title}`);
    try {
      const result = await work();
      const ms = performance.now() - begin;
      this.phases.push({ title, startMs: begin - this.#createdAt, ms });
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

/** A duration as text: 0.4 s, 24 s, 2 min 5 s. */
export function seconds(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const whole = Math.round(ms / 1000);
  return whole < 120 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
