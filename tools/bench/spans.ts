import { isBookkeeping, isComponent } from "../../cli/engine/urn";
import type { Span } from "./types";

/** Name of the span from the command's start to the first resource: engine, plugins and, for an update, the program. */
export const programStart = "start";

/** Learns from the lines that `pulumi up` and `pulumi destroy` print when each resource was begun and finished. */
export class Spans {
  readonly #begun = new Map<string, number>();
  readonly #spans: Span[] = [];
  #first: number | undefined;

  /** Takes one line, printed `atMs` milliseconds after the start. */
  line(text: string, atMs: number): void {
    const [, type = "", name = "", doing] =
      /^\s*\S{1,2}\s+(\S+:\S+) (\S+) ((?:creat|delet)(?:ing|ed))\b/.exec(text) ?? [];
    if (!doing || isBookkeeping(type) || isComponent(type)) return;
    this.#first ??= atMs;
    if (doing.endsWith("ing")) {
      // The engine prints the line again with each second that the resource takes.
      if (!this.#begun.has(name)) this.#begun.set(name, atMs);
      return;
    }
    const startMs = this.#begun.get(name) ?? atMs;
    this.#spans.push({ name, startMs, ms: atMs - startMs });
  }

  /** Every finished resource in the order of its start, after the program's own. */
  finished(): Span[] {
    const start = this.#first === undefined ? [] : [{ name: programStart, startMs: 0, ms: this.#first }];
    return [...start, ...this.#spans.toSorted((a, b) => a.startMs - b.startMs)].map(({ name, startMs, ms }) => ({
      ...{ name, startMs: Math.round(startMs), ms: Math.round(ms) },
    }));
  }
}
