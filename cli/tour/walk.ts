import type { TourStep } from "../../experiments/tour";
import { ExitCode } from "../../host/errors";
import { rememberSettings, unsetConfig } from "../stack/settings";
import type { Io } from "../terminal/io";
import { keysOf, pairsOf } from "./steps";

/** Operations of the terminal tour on a lab. */
export interface Walk {
  io: Io;
  stack: string;
  /** Sets `key=value` pairs and runs `up` without verification. `signal` replaces the signal of `io`. */
  up(options: { preview?: boolean; config?: string[]; signal?: AbortSignal }): Promise<ExitCode>;
  /** Runs one experiment. */
  verify(experiment: string): Promise<ExitCode>;
  /** Asks before a change and before its undo; absent with --yes. */
  confirm?: (question: string) => Promise<boolean>;
}

/** Applies the step's change, runs its experiment, and restores the stack's settings and the lab. */
export async function walkStep(walk: Walk, step: TourStep): Promise<ExitCode> {
  if (!step.change) return walk.verify(step.proof);
  const restoreSettings = rememberSettings(walk.io.root, walk.stack);
  const made = await walk.up({ preview: walk.confirm !== undefined, config: pairsOf(step) });
  if (made === ExitCode.usage) {
    // The change was refused, and only the settings have changed.
    restoreSettings();
    return made;
  }
  try {
    return made === ExitCode.pass ? await walk.verify(step.proof) : made;
  } finally {
    await undo(walk, step, restoreSettings);
  }
}

async function undo({ io, stack, up, confirm }: Walk, { id }: TourStep, restoreSettings: () => boolean): Promise<void> {
  if (io.signal.aborted) {
    const undoLine = `npm run lab -- tour ${id} --undo --stack ${stack}`;
    io.stderr.write(`The tour was interrupted. The change is undone first; another interrupt leaves it: ${undoLine}\n`);
    if (restoreSettings()) await up({ signal: io.nextSignal() });
    return;
  }
  if (confirm && !(await confirm("Undo the change now?"))) {
    io.stderr.write(`The change stays. Undo it: npm run lab -- tour ${id} --undo --stack ${stack}\n`);
    return;
  }
  if (restoreSettings()) await up({});
}

/** Resets the keys that the steps change to their defaults, and runs `up`. */
export async function undoSteps({ io, stack, up }: Walk, steps: readonly TourStep[]): Promise<ExitCode> {
  if (unsetConfig(io.root, stack, steps.flatMap(keysOf))) return up({});
  io.stderr.write("There is nothing to undo: the stack's settings have the defaults\n");
  return ExitCode.pass;
}
