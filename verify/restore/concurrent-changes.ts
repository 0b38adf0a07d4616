import { objects } from "../../experiments/objects";
import type { VerifyContext } from "../context";
import { eventually } from "../eventually";
import { numberAt } from "../json";
import { type Changeable, changeable, isOurs, writerOf } from "./change";

type Around = Pick<VerifyContext, "lab" | "signal" | "clock" | "timings">;

/** Where an object stands that proofs may change. */
interface Mark {
  /** Another value means that somebody has changed it. */
  version: string;
  /** It is changed by another run, which will put it back. */
  changed: boolean;
}

/** Versions of all these objects. */
export type Marks = ReadonlyMap<Changeable, Mark>;

/**
 * Where the objects stand now; undefined when it cannot be told, for a cluster that is out of reach says nothing of others.
 * A policy's generation counts changes of its spec; a Service has none, and istiod writes to it when its labels change.
 */
export async function marksOf({ lab, signal, clock, timings }: Around): Promise<Marks | undefined> {
  const read = async (object: Changeable) => {
    const { layer: _layer, ...ref } = objects[object];
    const found = await lab.read(ref, signal);
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

/** What somebody else has changed since, or had changed before and not put back yet. */
export async function changedSince(context: Around, marks: Marks | undefined): Promise<Changeable[]> {
  const now = marks && (await marksOf(context));
  if (!now) return [];
  return changeable.filter((object) => {
    const before = marks.get(object);
    return before?.changed || now.get(object)?.version !== before?.version;
  });
}
