import type { LabSettings } from "../../config/schema";
import { verifyLab } from "../../verify";
import type { VerifyReport } from "../../verify/report/schema";
import { previewChange } from "../commands/preview";
import { up } from "../commands/up";
import { previewText } from "../preview";
import { runningLab } from "../stack/running-lab";
import { readConfig, rememberSettings } from "../stack/settings";
import type { Io } from "../terminal/io";

/** What the tour in the browser does with a lab. Each method rejects with the problem that ended it. */
export interface TourLab {
  stack: string;
  settings(): LabSettings;
  /** Keeps the stack's settings to the letter; the answer puts them back, and says whether that changed anything. */
  remember(): () => boolean;
  /** What `up` would change with these `key=value` pairs. */
  preview(pairs: readonly string[], line: (text: string) => void): Promise<string>;
  /** Brings the lab to its configuration, after these `key=value` pairs are set in it. */
  up(pairs: readonly string[], line: (text: string) => void): Promise<void>;
  /** Runs one experiment. */
  verify(experiment: string, line: (text: string) => void): Promise<VerifyReport>;
}

/** The lab of a stack. The commands run in this process; what they print on a terminal goes to `line`. */
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
      const facts = await runningLab(own, { stack });
      const observer = { noted: line };
      const lab = await own.openLabClient(facts);
      return verifyLab(facts, { lab, clock: own.clock, only: [experiment], signal, observer });
    },
  };
}
