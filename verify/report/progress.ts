import type { Experiment } from "../../experiments/types";
import { printable } from "../../host/printable";
import type { Observer } from "../run";
import type { ExperimentResult } from "./schema";

const clearLine = `\r${String.fromCharCode(27)}[2K`;
const widest = 79;

/** Progress output of a run. */
export interface RunProgress extends Observer {
  /** Clears the line that is redrawn. */
  end(): void;
}

/**
 * Progress of a run for stderr: on a terminal one line that is redrawn, in a log a short line for each experiment. The report
 * follows once the run has ended.
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
      // On a terminal the report shows it; a log shows it when it happens.
      if (!live) write(`Note: ${printable(text)}\n`);
    },
    end: clear,
  };
}
