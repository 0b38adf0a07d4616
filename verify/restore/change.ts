import { hostname } from "node:os";
import { annotationKeys, fieldManager } from "../../config/vocabulary";
import { objects } from "../../experiments/objects";
import type { LabObject } from "../../experiments/slices";
import { scaled } from "../../modules/cost/objects";
import { at, listAt, numberAt, sameJson, textAt, textsAt } from "../json";
import type { KubeObject, LabClient, PatchOperation } from "../lab-client";
import { PreconditionError, unobservable } from "../precondition-error";

/**
 * The objects that experiments may change. A run first restores the changes of an earlier run, beginning with the policy that protects
 * appb.
 */
export const changeable = [
  "AuthorizationPolicy/appb-l7",
  "AuthorizationPolicy/appb-waypoint-only",
  "Service/appb",
  ...scaled,
] as const satisfies readonly LabObject[];
export type Changeable = (typeof changeable)[number];

/** A change of one field of one object, for a few seconds. An object is never deleted, because the original is kept in its annotation. */
export interface Change {
  object: Changeable;
  /** Path of the field, such as `["spec", "rules"]`. */
  field: readonly string[];
  /** The changed value of the field. */
  to(current: unknown): unknown;
}

/** Contents of the annotation, by which this run or a later one restores the object. */
interface Original {
  field: readonly string[];
  value: unknown;
  /** Value of the field during the change; absent in the annotation of an older release. */
  changed?: unknown;
  owners: readonly unknown[];
  /** Whether the object had annotations at all. */
  annotated: boolean;
  /** The process that changed it. */
  by: Writer;
}

/** A process on a machine. */
export interface Writer {
  host: string;
  pid: number;
}

const pointer = (path: readonly string[]): string =>
  path.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

const annotations = ["metadata", "annotations"] as const;
const annotationPath = pointer([...annotations, annotationKeys.original]);

/**
 * Makes a change. The same write stores the original in an annotation, so that a crash at any moment does not lose it. A
 * second change of the same field by this process keeps the first original.
 * @throws PreconditionError when the object does not exist, is changed by another run, or has nothing to change
 */
export async function change(lab: LabClient, { object, field, to }: Change, signal: AbortSignal): Promise<void> {
  const { layer, ...ref } = objects[object];
  const found = await lab.read(ref, signal);
  if (!found) throw new PreconditionError(layer, `${object} does not exist`);
  const earlier = originalOf(found);
  if (earlier && !(isOurs(earlier.by) && sameJson(earlier.field, field)))
    throw unobservable(layer, `${object} is changed already, by another run, ${processOf(earlier.by)}`);
  const value = at(found, ...field);
  const other = to(value);
  if (sameJson(value, other))
    throw new PreconditionError(layer, `${object} has nothing to change at ${field.join(".")}`);
  const annotated = found.metadata?.annotations !== undefined;
  const original: Original = {
    ...(earlier ?? { field, value, owners: found.metadata?.managedFields ?? [], annotated }),
    changed: other,
    by: { host: hostname(), pid: process.pid },
  };
  await lab.patch(
    ref,
    [
      // A concurrent write wins: the patch applies to the version that was read, or fails.
      { op: "test", path: "/metadata/resourceVersion", value: found.metadata?.resourceVersion },
      ...(annotated ? [] : [{ op: "add", path: pointer(annotations), value: {} } as const]),
      { op: "add", path: annotationPath, value: JSON.stringify(original) },
      { op: "replace", path: pointer(field), value: other },
    ],
    signal,
  );
}

/** Result of restoring an object: not changed, restored, or left as another writer changed it meanwhile. */
export type RestoreResult = "nothing" | "restored" | "others";

/**
 * Restores an object and its field owners. Does nothing when the object was not changed. If another writer changed the field
 * meanwhile, its value stays and only the annotation is removed.
 */
export async function restoreObject(lab: LabClient, object: Changeable, signal: AbortSignal): Promise<RestoreResult> {
  const ref = objects[object];
  const found = await lab.read(ref, signal);
  const original = found && originalOf(found);
  if (!found || !original) return "nothing";
  const test = (object: KubeObject): PatchOperation => ({
    op: "test",
    path: "/metadata/resourceVersion",
    value: object.metadata?.resourceVersion,
  });
  const now = at(found, ...original.field);
  const isKnown =
    original.changed === undefined || [original.changed, original.value].some((one) => sameJson(now, one));
  if (!isKnown) {
    await lab.patch(ref, [test(found), { op: "remove", path: notePath(found, original) }], signal);
    return "others";
  }
  // The annotation is removed last, so that no crash loses the original.
  const restored = { op: "add", path: pointer(original.field), value: original.value } as const;
  const written = await lab.patch(ref, [test(found), restored], signal);
  const owners = restoredOwners(written.metadata?.managedFields ?? [], original.owners);
  await lab.patch(
    ref,
    [
      test(written),
      { op: "remove", path: notePath(written, original) },
      { op: "add", path: "/metadata/managedFields", value: owners },
    ],
    signal,
  );
  return "restored";
}

/** The process that changed an object and has not restored it: a run in progress, or a run that was killed. */
export async function changedBy(lab: LabClient, object: Changeable, signal: AbortSignal): Promise<Writer | undefined> {
  const found = await lab.read(objects[object], signal);
  return found && writerOf(found);
}

/** {@link changedBy}, for an object that was read already. */
export const writerOf = (found: KubeObject): Writer | undefined => originalOf(found)?.by;

/** A writer in messages. */
export const processOf = ({ host, pid }: Writer): string => `process ${pid} on ${host}`;

/** Whether a writer is this process. */
export const isOurs = ({ host, pid }: Writer): boolean => host === hostname() && pid === process.pid;

/** Whether a process has ended; false for a process on another machine, whose state is not known. */
export function isDead({ host, pid }: Writer): boolean {
  if (host !== hostname()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    // EPERM: the process exists and belongs to another user.
    return textAt(error, "code") === "ESRCH";
  }
}

/** The path of the annotation, or of all annotations if the object had none before. */
function notePath(object: KubeObject, original: Original): string {
  const isLast = !original.annotated && Object.keys(object.metadata?.annotations ?? {}).length === 1;
  return isLast ? pointer(annotations) : annotationPath;
}

function originalOf(found: KubeObject): Original | undefined {
  const text = found.metadata?.annotations?.[annotationKeys.original];
  if (text === undefined) return undefined;
  const parsed: unknown = JSON.parse(text);
  return {
    field: textsAt(parsed, "field"),
    value: at(parsed, "value"),
    changed: at(parsed, "changed"),
    owners: listAt(parsed, "owners"),
    annotated: at(parsed, "annotated") === true,
    by: { host: textAt(parsed, "by", "host") ?? "", pid: numberAt(parsed, "by", "pid") ?? 0 },
  };
}

const identityOf = (entry: unknown): string =>
  ["manager", "operation", "apiVersion", "subresource"].map((key) => textAt(entry, key) ?? "").join("|");

/**
 * The field owners before the verifier's write, with those of later writes of other managers.
 *
 * A write takes over the ownership of its fields from Pulumi's server-side apply, so that the next `pulumi up` that changes them would
 * fail with a conflict. The API server accepts an explicit list of owners in a write that changes no other field.
 */
export function restoredOwners(current: readonly unknown[], original: readonly unknown[]): unknown[] {
  const before = new Map(original.map((entry) => [identityOf(entry), entry]));
  const others = current.filter((entry) => textAt(entry, "manager") !== fieldManager);
  const kept = others.map((entry) => {
    // Istio writes the status continuously: its newest entry is the current one.
    if (textAt(entry, "subresource")) return entry;
    return before.get(identityOf(entry)) ?? entry;
  });
  const present = new Set(kept.map(identityOf));
  const lost = original.filter((entry) => !present.has(identityOf(entry)) && textAt(entry, "manager") !== fieldManager);
  return [...kept, ...lost];
}
