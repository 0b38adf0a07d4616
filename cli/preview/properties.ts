import type { StepEventMetadata } from "@pulumi/pulumi/automation/events";

/** One property that changes. */
export interface PropertyChange {
  /** Path as the engine writes it: `spec.rules[0].to`. */
  path: string;
  old?: unknown;
  new?: unknown;
}

/** What the engine puts where a value is only known afterwards. */
const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const afterwards = "known afterwards";

/** The changed properties of one step. Lists are told as what enters and what leaves them: an index says little. */
export function propertyChanges(step: StepEventMetadata, change: "update" | "replace"): PropertyChange[] {
  const diff = Object.entries(step.detailedDiff ?? {});
  const forcing = diff.filter(([, { diffKind }]) => diffKind.endsWith("-replace"));
  const paths = (change === "replace" && forcing.length > 0 ? forcing : diff).map(([path]) => path);
  const chosen = paths.length > 0 ? paths : [...(step.keys ?? []), ...(step.diffs ?? [])];
  const seen = new Map<string, PropertyChange>();
  for (const path of chosen) {
    const list = listAround(path, step);
    const found = list ?? { path, ...valuesAt(path, step) };
    seen.set(found.path, found);
  }
  return [...seen.values()];
}

/** The change of the whole list when the path is an item of one that holds plain values. */
function listAround(path: string, step: StepEventMetadata): PropertyChange | undefined {
  const parent = /^(.*)\[\d+\]$/.exec(path)?.[1];
  if (parent === undefined) return undefined;
  const { old, new: now } = valuesAt(parent, step);
  if (!isPlainList(old) || !isPlainList(now)) return undefined;
  const left = old.filter((item) => !now.includes(item));
  const entered = now.filter((item) => !old.includes(item));
  if (left.length === 0 && entered.length === 0) return undefined;
  return { path: parent, ...(left.length > 0 ? { old: left } : {}), ...(entered.length > 0 ? { new: entered } : {}) };
}

function isPlainList(value: unknown): value is (string | number | boolean)[] {
  return Array.isArray(value) && value.every((item) => typeof item !== "object");
}

function valuesAt(path: string, step: StepEventMetadata): Pick<PropertyChange, "old" | "new"> {
  const old = at(step.old?.inputs, path) ?? at(step.old?.outputs, path);
  const now = at(step.new?.inputs, path);
  return { ...(old === undefined ? {} : { old: told(old) }), ...(now === undefined ? {} : { new: told(now) }) };
}

function told(value: unknown): unknown {
  if (value === unknownValue) return afterwards;
  if (Array.isArray(value)) return value.map(told);
  return value;
}

/** Follows a path of names, `["quoted names"]` and `[indexes]`. */
function at(value: unknown, path: string): unknown {
  let here = value;
  for (const [, quoted, index, name] of path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g)) {
    if (typeof here !== "object" || here === null) return undefined;
    const key = quoted ?? index ?? name ?? "";
    here = Object.entries(here).find(([each]) => each === key)?.[1];
  }
  return here;
}
