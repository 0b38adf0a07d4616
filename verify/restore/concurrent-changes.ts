import { objects } from "../../experiments/objects";
import type { VerifyContext } from "../context";
import { eventually } from "../eventually";
import { numberAt } from "../json";
import { type Changeable, changeable, isOurs, writerOf } from "./change";

type Around = Pick<VerifyContext, "lab" | "signal" | "clock" | "timings">;

/** Version of an object that experiments may change. */
interface Mark {
  /** A different value means that the object was changed. */
  version: string;
  /** Another run has changed it and will restore it. */
  changed: boolean;
}

/** Versions of all these objects. */
export type Marks = ReadonlyMap<Changeable, Mark>;

/**
 * Current versions of the objects; undefined when the cluster cannot be reached.
 * A policy's generation counts changes of its spec; a Service has none, and istiod writes to it when its labels change.
 */
export async function marksOf({ lab, signal, clock, timings }: Around): Promise<Marks | undefined> {
  const read = async (object: Changeable) => {
    const found = await lab.read(objects[object], signal);
    const by = found && writerOf(found);
    const version = String(numberAt(found, "metadata", "generation") ?? found?.metadata?.resourceVersion);
    return [object, { version, changed: by !== undefined && !isOurs(by) }] as const;
  };
  const all = async () => new Map(await Promise.all(changeable.map(read)));
  try {
    return await eventually(all, { what: "the objects", deadlineMs: timings.convergeMs, signal, clock });
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

/** Objects that another writer has changed since, or had changed before and not restored yet. */
export async function changedSince(context: Around, marks: Marks | undefined): Promise<Changeable[]> {
  const now = marks && (await marksOf(context));
  if (!now) return [];
  return changeable.filter((object) => {
    const before = marks.get(object);
    return before?.changed || now.get(object)?.version !== before?.version;
  });
}
