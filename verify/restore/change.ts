import { hostname } from "node:os";
import { annotationKeys } from "../../config/vocabulary";
import { objects } from "../../experiments/objects";
import type { LabObject } from "../../experiments/slices";
import { at, listAt, numberAt, sameJson, textAt, textsAt } from "../json";
import type { KubeObject, LabClient, PatchOperation } from "../lab-client";
import { PreconditionError } from "../precondition-error";
import { restoredOwners } from "./field-owners";

/**
 * The objects that experiments may change. A run first restores those that an earlier run left changed, beginning with the
 * policy that protects appb.
 */
export const changeable = [
  "AuthorizationPolicy/appb-l7",
  "AuthorizationPolicy/appb-waypoint-only",
  "Service/appb",
  "Deployment/cost-growth-ambient",
  "Deployment/cost-growth-sidecar",
] as const satisfies readonly LabObject[];
export type Changeable = (typeof changeable)[number];

/** A change of one field of one object, for a few seconds. An object is never deleted, because the original is kept in its annotation. */
export interface Change {
  object: Changeable;
  /** Where the field is, such as `["spec", "rules"]`. */
  field: readonly string[];
  /** The field's value for as long as the change lasts. */
  to(current: unknown): unknown;
}

/** Contents of the annotation: what this run or a later one needs to undo the change. */
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
 * @throws PreconditionError when the object is not there, is changed by another run, or would stay as it is
 */
export async function change(lab: LabClient, { object, field, to }: Change, signal: AbortSignal): Promise<void> {
  const { layer, ...ref } = objects[object];
  const found = await lab.read(ref, signal);
  if (!found) throw new PreconditionError(layer, `${object} does not exist`);
  const earlier = originalOf(found);
  if (earlier && !(isOurs(earlier.by) && sameJson(earlier.field, field)))
    throw new PreconditionError(layer, `${object} is changed already, by another run`, { verdict: "inconclusive" });
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
  const { layer: _layer, ...ref } = objects[object];
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
  // The annotation is removed last, so that a crash before that loses nothing.
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

/** The process that changed an object and has not restored it: a run in progress, or one that ended early. */
export async function changedBy(lab: LabClient, object: Changeable, signal: AbortSignal): Promise<Writer | undefined> {
  const { layer: _layer, ...ref } = objects[object];
  const found = await lab.read(ref, signal);
  return found && writerOf(found);
}

/** {@link changedBy} of an object that was read. */
export const writerOf = (found: KubeObject): Writer | undefined => originalOf(found)?.by;

/** Whether it is this process. */
export const isOurs = ({ host, pid }: Writer): boolean => host === hostname() && pid === process.pid;

/** Whether a process is known to have ended; a process on another machine never is. */
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

/** The path to remove with the annotation: all annotations if the object had none before. */
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
