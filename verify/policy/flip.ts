import { hostname } from "node:os";
import { flipAnnotation, principalOf } from "../../experiments/names";
import { objects } from "../../experiments/objects";
import { at, listAt, numberAt, sameJson, textAt } from "../json";
import { Obstacle } from "../obstacle";
import type { KubeObject, PatchOperation, World } from "../world";
import { restoredOwners } from "./ownership";
import { withoutPrincipal } from "./without";

const policy = "AuthorizationPolicy/appb-l7";
const { layer, ...ref } = objects[policy];
const annotationPath = `/metadata/annotations/${flipAnnotation.replaceAll("~", "~0").replaceAll("/", "~1")}`;

/** What the annotation holds: all that is needed to undo the change, by this run or a later one. */
interface Original {
  rules: readonly unknown[];
  owners: readonly unknown[];
  /** Whether the policy had annotations at all. */
  annotated: boolean;
  /** The process that changed it. */
  by: Writer;
}

/** A process on a machine. */
interface Writer {
  host: string;
  pid: number;
}

/**
 * Takes an identity out of the policy. The original goes into an annotation by the same write, so that there is no
 * moment in which a crash could lose it.
 */
export async function takeOut(world: World, account: string, signal: AbortSignal): Promise<void> {
  const found = await world.read(ref, signal);
  if (!found) throw new Obstacle(layer, `${policy} does not exist`);
  const rules = listAt(found, "spec", "rules");
  const fewer = withoutPrincipal(rules, principalOf(account));
  if (sameJson(rules, fewer)) throw new Obstacle(layer, `${policy} does not name ${principalOf(account)}`);
  const annotated = found.metadata?.annotations !== undefined;
  const original: Original = {
    rules,
    owners: found.metadata?.managedFields ?? [],
    annotated,
    by: { host: hostname(), pid: process.pid },
  };
  await world.patch(
    ref,
    [
      // Whoever wrote in between wins: the change is made on what was read, or not at all.
      { op: "test", path: "/metadata/resourceVersion", value: found.metadata?.resourceVersion },
      ...(annotated ? [] : [{ op: "add", path: "/metadata/annotations", value: {} } as const]),
      { op: "add", path: annotationPath, value: JSON.stringify(original) },
      { op: "replace", path: "/spec/rules", value: fewer },
    ],
    signal,
  );
}

/**
 * Puts the policy back as it was, owners included. Harmless when there is nothing to put back.
 * @returns whether there was
 */
export async function putBack(world: World, signal: AbortSignal): Promise<boolean> {
  const found = await world.read(ref, signal);
  const original = found && originalOf(found);
  if (!found || !original) return false;
  const test = (object: KubeObject): PatchOperation => ({
    op: "test",
    path: "/metadata/resourceVersion",
    value: object.metadata?.resourceVersion,
  });
  // The annotation goes last: until then a crash loses nothing.
  const written = await world.patch(
    ref,
    [test(found), { op: "add", path: "/spec/rules", value: original.rules }],
    signal,
  );
  const owners = restoredOwners(written.metadata?.managedFields ?? [], original.owners);
  await world.patch(
    ref,
    [
      test(written),
      { op: "remove", path: isLastAnnotation(written, original) ? "/metadata/annotations" : annotationPath },
      { op: "add", path: "/metadata/managedFields", value: owners },
    ],
    signal,
  );
  return true;
}

/** Who changed the policy and did not put it back yet: a run that goes on, or one that died. */
export async function flippedBy(world: World, signal: AbortSignal): Promise<Writer | undefined> {
  const found = await world.read(ref, signal);
  return found && originalOf(found)?.by;
}

/** Whether a process is known to have ended; one on another machine is not known to. */
export function isDead({ host, pid }: Writer): boolean {
  if (host !== hostname()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    // EPERM: it lives, under another user.
    return textAt(error, "code") === "ESRCH";
  }
}

const isLastAnnotation = (object: KubeObject, original: Original): boolean =>
  !original.annotated && Object.keys(object.metadata?.annotations ?? {}).length === 1;

function originalOf(found: KubeObject): Original | undefined {
  const text = found.metadata?.annotations?.[flipAnnotation];
  if (text === undefined) return undefined;
  const parsed: unknown = JSON.parse(text);
  return {
    rules: listAt(parsed, "rules"),
    owners: listAt(parsed, "owners"),
    annotated: at(parsed, "annotated") === true,
    by: { host: textAt(parsed, "by", "host") ?? "", pid: numberAt(parsed, "by", "pid") ?? 0 },
  };
}
