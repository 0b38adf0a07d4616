import type { LabSettings } from "../../config/schema";
import type { VerifyReport } from "../../verify/report/schema";
import { previewChange } from "../commands/preview";
import { up } from "../commands/up";
import { runVerifier } from "../commands/verify";
import { previewText } from "../preview";
import { runningLab } from "../stack/running-lab";
import { readConfig, rememberSettings } from "../stack/settings";
import type { Io } from "../terminal/io";

/** Operations of the browser tour on a lab. Each method rejects with the problem that ended it. */
export interface TourLab {
  stack: string;
  settings(): LabSettings;
  /** Saves the stack's settings. @returns a function that restores them, and returns whether they had changed */
  remember(): () => boolean;
  /** Previews an `up` with these `key=value` pairs. */
  preview(pairs: readonly string[], line: (text: string) => void): Promise<string>;
  /** Sets these `key=value` pairs and runs `up` without verification. */
  up(pairs: readonly string[], line: (text: string) => void): Promise<void>;
  /** Runs one experiment. */
  verify(experiment: string, line: (text: string) => void): Promise<VerifyReport>;
}

/** {@link TourLab} of a stack. The commands run in this process; their progress is passed to `line`. */
export function tourLab(io: Io, stack: string, signal: AbortSignal): TourLab {
  const quiet = (line: (text: string) => void): Io => ({
    ...{ ...io, signal, live: false, stdout: { write: () => true } },
    confirm: undefined,
    stderr: { write: (text) => text.split("\n").filter(Boolean).forEach(line) },
  });
  const context = (line: (text: string) => void) => ({ io: quiet(line), end: () => {}, note: line });
  return {
    stack,
    settings: () => readConfig(io.root, stack),
    remember: () => rememberSettings(io.root, stack),
    async preview(config, line) {
      const { model } = await previewChange({ stack, config: [...config] }, quiet(line));
      return previewText(model);
    },
    up: (config, line) => up({ stack, config: [...config], yes: true, verify: false, ignore: [] }, context(line)),
    async verify(experiment, line) {
      const own = quiet(line);
      return runVerifier(await runningLab(own, { stack }), own, { only: [experiment], observer: { noted: line } });
    },
  };
}
