import type { LabFacts } from "../../experiments/types";
import { ExitCode, LabError } from "../../host/errors";
import type { Io } from "../terminal/io";
import { labFacts } from "./lab-facts";
import { readOutputs } from "./outputs";
import { requireRunning } from "./require-running";
import { openSession, sessionEngine, stackExists } from "./session";

/**
 * The living lab of the asked stack.
 * @throws LabError (exit code 2) when there is none or when it is paused; LabError when it was never finished
 */
export async function runningLab(io: Io, { stack }: { stack?: string }): Promise<LabFacts> {
  const session = openSession(io, stack === undefined ? {} : { stack });
  const engine = await sessionEngine(session, { install: false, makesClusters: false });
  if (!(await stackExists(engine, session.stack))) throw labNotFound(session.stack);
  const facts = labFacts(session.stack, readOutputs(await engine.outputs()));
  await requireRunning(session);
  return facts;
}

/** There is no stack of that name. */
export const labNotFound = (stack: string) =>
  new LabError(
    {
      what: `There is no lab "${stack}"`,
      why: "This command works on a lab that is up; its stack is not in the backend",
      fix: `npm run up -- --stack ${stack}   (npm run lab -- list shows the labs that there are)`,
    },
    { exitCode: ExitCode.usage },
  );
