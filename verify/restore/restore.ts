import { messageOf } from "../../host/errors";
import { scaled } from "../../modules/cost/objects";
import { failed, passed, unclear } from "../checks/check";
import type { VerifyContext } from "../context";
import { DeadlineError, eventually } from "../eventually";
import type { Finding } from "../report/schema";
import {
  type Changeable,
  changeable,
  changedBy,
  isDead,
  isOurs,
  processOf,
  type RestoreResult,
  restoreObject,
  type Writer,
} from "./change";

/** Longest time for writes to one object, in milliseconds. */
const writeMs = 60_000;

/**
 * Longest duration of a change by a run in progress, in milliseconds. A measurement scales its Deployments up in steps and
 * waits for the pods of each step; every other change takes seconds.
 */
const changeMs = (object: Changeable): number => (scaled.some((each) => each === object) ? 600_000 : 60_000);

/** Restores an object, also in an interrupted run. A change by another run stays: that run restores it. */
export async function restore(
  context: Pick<VerifyContext, "lab" | "clock" | "timings">,
  object: Changeable,
  name: string,
): Promise<Finding> {
  const lasting = new AbortController().signal;
  // When an attempt fails after its write, the next one finds nothing to restore.
  const outcomes = new Set<RestoreResult>();
  try {
    const other = await eventually(
      async (signal): Promise<Writer | undefined> => {
        const by = await changedBy(context.lab, object, signal);
        if (by && !isOurs(by)) return by;
        outcomes.add(await restoreObject(context.lab, object, signal));
        if (await changedBy(context.lab, object, signal)) throw new Error("the annotation is still there");
        return undefined;
      },
      { what: name, deadlineMs: context.timings.restoreMs, signal: lasting, clock: context.clock },
    );
    const expected = "no other changes of the lab during a run";
    if (outcomes.has("others")) {
      const seen = `${named(object)} was changed by another writer meanwhile, and is not restored`;
      return failed(name, "api-server", seen, { expected });
    }
    if (other && !outcomes.has("restored")) {
      const seen = `${named(object)} is changed by another run, ${processOf(other)}, and is not restored`;
      return unclear(name, "api-server", seen, { expected });
    }
    return passed(name, "api-server", "values and owners of the fields restored");
  } catch (error) {
    const seen = `${named(object)} is still changed: ${messageOf(error)}`;
    return failed(name, "api-server", seen, { expected: "restored (the next run of verify, or pulumi up, does it)" });
  }
}

/** Restores the changes of a killed run. Waits first for a run that may be in progress. */
export async function recover(context: Pick<VerifyContext, "lab" | "signal" | "clock">, note: (text: string) => void) {
  for (const object of changeable) {
    const by = await changedBy(context.lab, object, context.signal);
    if (!by) continue;
    if (!isDead(by)) {
      const what = `${processOf(by)} to restore ${named(object)}`;
      note(`waiting up to ${changeMs(object) / 60_000} min for ${what}`);
      await waitForOtherRun(context, object, what);
    }
    // istiod writes the status after every change, so that a write based on an earlier read is refused.
    const restored = await eventually((limit) => restoreObject(context.lab, object, limit), {
      ...{ what: `${named(object)} to be restored`, deadlineMs: writeMs },
      ...{ signal: context.signal, clock: context.clock },
    });
    if (restored === "restored") note(`${named(object)} was left changed by a run that died; it is restored`);
    if (restored === "others")
      note(
        `${named(object)} was left changed by a run that died, and was changed by another writer since: it is not restored`,
      );
  }
}

async function waitForOtherRun(
  { lab, signal, clock }: Pick<VerifyContext, "lab" | "signal" | "clock">,
  object: Changeable,
  what: string,
): Promise<void> {
  const over = async () => {
    if (await changedBy(lab, object, signal)) throw new Error("it is still changed");
  };
  try {
    await eventually(over, { what, deadlineMs: changeMs(object), intervalMs: 1_000, signal, clock });
  } catch (error) {
    // After this time the run that made the change has ended.
    if (!(error instanceof DeadlineError)) throw error;
  }
}

const named = (object: Changeable): string => object.replace("/", " ");
