import type { Experiment } from "../../experiments/types";
import { printable } from "../../host/printable";
import type { Observer } from "../run";
import type { ExperimentResult } from "./schema";

const clearLine = `\r${String.fromCharCode(27)}[2K`;
const widest = 79;

/** What a run says while it goes on. */
export interface RunProgress extends Observer {
  /** Takes away what was shown for the moment only. */
  end(): void;
}

/**
 * A run as it goes on, for stderr: one line that is redrawn on a terminal, a short line for each experiment in a log. The
 * report says the rest, once.
 */
export function runProgress(total: number, write: (text: string) => void, live: boolean): RunProgress {
  const running = new Set<string>();
  const done = new Set<string>();
  let shown = false;
  const clear = () => {
    if (shown) write(clearLine);
    shown = false;
  };
  const draw = () => {
    if (!live) return;
    const text = `· ${done.size} of ${total} done${running.size > 0 ? `, at work: ${[...running].join(", ")}` : ""}`;
    clear();
    write(text.length > widest ? `${text.slice(0, widest - 1)}…` : text);
    shown = true;
  };
  return {
    began: ({ id }: Experiment) => {
      // An experiment that runs again counts as unfinished.
      done.delete(id);
      running.add(id);
      draw();
    },
    ended: ({ id, verdict, durationMs }: ExperimentResult) => {
      running.delete(id);
      done.add(id);
      if (!live) write(`[${done.size}/${total}] ${id}: ${verdict}, ${(durationMs / 1000).toFixed(1)} s\n`);
      draw();
    },
    noted: (text) => {
      // A log has it here and now; on a terminal it would be seen twice, for the report has it too.
      if (!live) write(`Note: ${printable(text)}\n`);
    },
    end: clear,
  };
}
