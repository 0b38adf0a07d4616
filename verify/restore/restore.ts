import { messageOf } from "../../host/errors";
import { failed, passed } from "../checks/check";
import type { VerifyContext } from "../context";
import { DeadlineError, eventually } from "../eventually";
import type { Finding } from "../report/schema";
import { type Changeable, changeable, changedBy, isDead, isOurs, type RestoreResult, restoreObject } from "./change";

/** Longest duration of a change by a run in progress, in milliseconds. */
const changeMs = 60_000;

/** Restores an object with a signal of its own, because an interrupted run must do it as well. */
export async function restore(context: VerifyContext, object: Changeable, name: string): Promise<Finding> {
  const lasting = new AbortController().signal;
  // An attempt that failed after its write has nothing to do when it is repeated.
  const outcomes = new Set<RestoreResult>();
  try {
    await eventually(
      async (signal) => {
        const by = await changedBy(context.lab, object, signal);
        // A change by another run is restored by that run.
        if (by && !isOurs(by)) return;
        outcomes.add(await restoreObject(context.lab, object, signal));
        if (await changedBy(context.lab, object, signal)) throw new Error("the annotation is still there");
      },
      { what: name, deadlineMs: context.timings.restoreMs, signal: lasting, clock: context.clock },
    );
    if (outcomes.has("others")) {
      const seen = `somebody changed ${named(object)} meanwhile; it is left as they made it`;
      return failed(name, "api-server", seen, { expected: "nobody changes the lab while it is being proven" });
    }
    return passed(name, "api-server", "values and owners of the fields restored");
  } catch (error) {
    const seen = `${named(object)} is still changed: ${messageOf(error)}`;
    return failed(name, "api-server", seen, { expected: "restored (the next run of verify, or pulumi up, does it)" });
  }
}

/** Restores what a killed run left changed. Waits first for a run that may still be in progress. */
export async function recover(context: Pick<VerifyContext, "lab" | "signal" | "clock">, note: (text: string) => void) {
  for (const object of changeable) {
    const by = await changedBy(context.lab, object, context.signal);
    if (!by) continue;
    if (!isDead(by)) await othersEnd(context, object, `process ${by.pid} on ${by.host} to put ${named(object)} back`);
    // istiod writes an object's status a moment after every change: a write on what was read before is refused.
    const restored = await eventually((limit) => restoreObject(context.lab, object, limit), {
      ...{ what: `${named(object)} to be put back`, deadlineMs: changeMs },
      ...{ signal: context.signal, clock: context.clock },
    });
    if (restored === "restored") note(`${named(object)} was left changed by a run that died; it is restored`);
    if (restored === "others")
      note(`${named(object)} was left changed by a run that died; somebody has changed it since, and it is left so`);
  }
}

async function othersEnd(
  { lab, signal, clock }: Pick<VerifyContext, "lab" | "signal" | "clock">,
  object: Changeable,
  what: string,
): Promise<void> {
  const over = async () => {
    if (await changedBy(lab, object, signal)) throw new Error("it is still changed");
  };
  try {
    await eventually(over, { what, deadlineMs: changeMs, intervalMs: 1_000, signal, clock });
  } catch (error) {
    // A change takes seconds: after this time the run that made it has ended.
    if (!(error instanceof DeadlineError)) throw error;
  }
}

const named = (object: Changeable): string => object.replace("/", " ");
