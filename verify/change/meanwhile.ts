import { objects } from "../../experiments/objects";
import type { Bench } from "../bench";
import { numberAt } from "../json";
import { type Changeable, changeable } from "./change";

/** Where the objects that proofs may change stand: another value of one means that somebody has changed it. */
export type Marks = ReadonlyMap<Changeable, string>;

/** A policy's generation counts changes of its spec; a Service has none, and istiod writes to it when its labels change. */
export async function marksOf({ world, signal }: Pick<Bench, "world" | "signal">): Promise<Marks> {
  const read = async (object: Changeable) => {
    const { layer: _layer, ...ref } = objects[object];
    const found = await world.read(ref, signal);
    return [object, String(numberAt(found, "metadata", "generation") ?? found?.metadata?.resourceVersion)] as const;
  };
  return new Map(await Promise.all(changeable.map(read)));
}

/** What somebody has changed since. */
export async function changedSince(bench: Pick<Bench, "world" | "signal">, marks: Marks): Promise<Changeable[]> {
  const now = await marksOf(bench);
  return changeable.filter((object) => now.get(object) !== marks.get(object));
}
