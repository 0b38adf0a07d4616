import { type LabObject, objects, objectsOf } from "../../experiments/objects";
import type { Bench } from "../bench";
import type { Cause } from "../report";
import { driftOf, type Inventory } from "./drift";
import { ailmentsOf } from "./health";

/** What in the cluster differs from the stack or is not well: the possible causes of what the experiments meet. */
export async function diagnose({ world, facts, signal }: Bench): Promise<Cause[]> {
  // To read Secrets is a right that many have not: it is asked for by the modules that have one, and by no other lab.
  const here = objectsOf(facts.settings);
  const names = (Object.keys(objects) as LabObject[]).filter(
    (name) => objects[name].kind !== "Secret" || here.includes(name),
  );
  const found = await Promise.all(names.map(async (name) => [name, await world.read(objects[name], signal)] as const));
  const inventory: Inventory = Object.fromEntries(found.filter(([, object]) => object !== undefined));
  return [...ailmentsOf(inventory), ...driftOf(facts, inventory)];
}

/** The causes that can explain a failure of an experiment: those about the objects it names, in its own order. */
export function causesFor(names: readonly LabObject[], causes: readonly Cause[]): Cause[] {
  return names.flatMap((name) => causes.filter(({ object }) => object === name));
}
