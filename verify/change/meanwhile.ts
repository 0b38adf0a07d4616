import { objects } from "../../experiments/objects";
import type { Bench } from "../bench";
import { numberAt } from "../json";
import { type Changeable, changeable, isOurs, writerOf } from "./change";

/** Where an object stands that proofs may change. */
interface Mark {
  /** Another value means that somebody has changed it. */
  version: string;
  /** It is changed by another run, which will put it back. */
  changed: boolean;
}

/** Where all of them stand. */
export type Marks = ReadonlyMap<Changeable, Mark>;

/** A policy's generation counts changes of its spec; a Service has none, and istiod writes to it when its labels change. */
export async function marksOf({ world, signal }: Pick<Bench, "world" | "signal">): Promise<Marks> {
  const read = async (object: Changeable) => {
    const { layer: _layer, ...ref } = objects[object];
    const found = await world.read(ref, signal);
    const by = found && writerOf(found);
    const version = String(numberAt(found, "metadata", "generation") ?? found?.metadata?.resourceVersion);
    return [object, { version, changed: by !== undefined && !isOurs(by) }] as const;
  };
  return new Map(await Promise.all(changeable.map(read)));
}

/** What somebody else has changed since, or had changed before and not put back yet. */
export async function changedSince(bench: Pick<Bench, "world" | "signal">, marks: Marks): Promise<Changeable[]> {
  const now = await marksOf(bench);
  return changeable.filter((object) => {
    const before = marks.get(object);
    return before?.changed || now.get(object)?.version !== before?.version;
  });
}
