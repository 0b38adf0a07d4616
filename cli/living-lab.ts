import type { LabFacts } from "../experiments/types";
import { labFacts } from "./facts";
import type { Io } from "./io";
import { readOutputs } from "./outputs";
import { openSession, sessionEngine } from "./session";

/**
 * The living lab of the asked stack.
 * @throws LabError when it was never finished
 */
export async function livingLab(io: Io, { stack }: { stack?: string }): Promise<LabFacts> {
  const session = openSession(io, stack === undefined ? {} : { stack });
  const engine = await sessionEngine(session, { install: false, makesClusters: false });
  return labFacts(session.stack, readOutputs(await engine.outputs()));
}
