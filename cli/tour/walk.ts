import type { TourStep } from "../../experiments/tour";
import { ExitCode } from "../../host/errors";
import { rememberSettings } from "../stack/settings";
import type { Io } from "../terminal/io";
import { pairsOf } from "./text";

/** How a step is walked. */
export interface Walk {
  io: Io;
  stack: string;
  /** Runs a command of the lab as a person would type it. */
  lab(args: readonly string[]): Promise<ExitCode>;
  /** Asks before a change is made and before it is undone; absent when there is nobody, or nothing is to be asked. */
  confirm?: (question: string) => Promise<boolean>;
}

/** Makes the step's change, proves it, and puts the stack's settings and the lab back as they were. */
export async function walkStep(walk: Walk, step: TourStep): Promise<ExitCode> {
  const { stack, lab } = walk;
  const proof = ["verify", "--only", step.proof, "--stack", stack];
  if (!step.change) return lab(proof);
  const restoreObject = rememberSettings(walk.io.root, stack);
  const consent = walk.confirm ? ["--preview"] : ["--yes"];
  const changes = pairsOf(step).flatMap((pair) => ["--config", pair]);
  const made = await lab(["up", "--stack", stack, "--no-verify", ...consent, ...changes]);
  if (made === ExitCode.usage) {
    // Nobody agreed, so that nothing but the settings was touched.
    restoreObject();
    return made;
  }
  try {
    return made === ExitCode.pass ? await lab(proof) : made;
  } finally {
    await undo(walk, step, restoreObject);
  }
}

async function undo({ io, stack, lab, confirm }: Walk, { id }: TourStep, restoreObject: () => boolean): Promise<void> {
  if (confirm && !(await confirm("Undo the change now?"))) {
    io.stderr.write(`The change stays. Undo it: npm run lab -- tour ${id} --undo --stack ${stack}\n`);
    return;
  }
  if (restoreObject()) await lab(["up", "--stack", stack, "--no-verify", "--yes"]);
}
