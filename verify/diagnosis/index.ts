import { objects, objectsOf } from "../../experiments/objects";
import type { LabObject } from "../../experiments/slices";
import { messageOf } from "../../host/errors";
import type { VerifyContext } from "../context";
import { eventually } from "../eventually";
import type { Cause } from "../report/schema";
import { isDead, isOurs, writerOf } from "../restore/change";
import { driftOf, type Inventory } from "./drift";
import { ailmentsOf } from "./health";

/** What in the cluster differs from the stack or is not well: the possible causes of what the experiments meet. */
async function diagnose({ lab, facts, signal }: VerifyContext): Promise<Cause[]> {
  // Reading Secrets needs a permission that many users lack: only labs with a module that has a Secret read them.
  const here = objectsOf(facts.settings);
  const names = (Object.keys(objects) as LabObject[]).filter(
    (name) => objects[name].kind !== "Secret" || here.includes(name),
  );
  const found = await Promise.all(names.map(async (name) => [name, await lab.read(objects[name], signal)] as const));
  const inventory: Inventory = Object.fromEntries(found.filter(([, object]) => object !== undefined));
  // What another run has changed for a few seconds is its own to put back, and no drift.
  const isHeld = ({ object }: Cause): boolean => {
    const by = writerOf(inventory[object as LabObject] ?? {});
    return by !== undefined && !isOurs(by) && !isDead(by);
  };
  return [...ailmentsOf(inventory), ...driftOf(facts, inventory).filter((cause) => !isHeld(cause))];
}

/** {@link diagnose} of a cluster that may be out of reach for a moment; that it is out of reach is a cause, too. */
export async function diagnosed(context: VerifyContext): Promise<Cause[]> {
  const { signal, clock, timings } = context;
  const what = "the state of the lab's objects";
  try {
    return await eventually(() => diagnose(context), { what, deadlineMs: timings.convergeMs, signal, clock });
  } catch (error) {
    signal.throwIfAborted();
    const unread = `${what} cannot be read: ${messageOf(error)}`;
    return [{ kind: "health", layer: "api-server", object: "the cluster", what: unread, fix: "npm run lab -- verify" }];
  }
}

/** The causes that can explain a failure of an experiment: those about the objects it names, in its own order. */
export function causesFor(names: readonly LabObject[], causes: readonly Cause[]): Cause[] {
  return names.flatMap((name) => causes.filter(({ object }) => object === name));
}
