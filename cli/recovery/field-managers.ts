import { isRecord } from "../../verify/json";

/** One entry of `metadata.managedFields`: the fields that a program wrote last. */
export interface ManagedFields {
  manager?: string;
  /** Set for the writes of controllers to `status`, `scale`, … */
  subresource?: string;
  /** Fields as a tree: `f:name`, `k:{"key":"value"}` for an item of a list, `v:value` for one of a set. */
  fieldsV1?: object;
}

/** The tree of {@link ManagedFields}.fieldsV1. */
type Fields = Readonly<Record<string, object>>;

/**
 * Names of the field managers of an object's fields.
 * @param declared the declared fields; all others are ignored
 * @param counts whether a field counts, by its declared and its live value
 */
export function fieldManagers(
  entries: readonly ManagedFields[],
  { declared, live }: { declared: unknown; live: unknown },
  counts: (declared: unknown, live: unknown) => boolean,
): string[] {
  const holding = entries.filter(
    ({ subresource, fieldsV1 }) => !subresource && fieldsV1 && holds({ ...fieldsV1 }, declared, live, counts),
  );
  return [...new Set(holding.flatMap(({ manager }) => manager ?? []))];
}

function holds(fields: Fields, declared: unknown, live: unknown, counts: (a: unknown, b: unknown) => boolean): boolean {
  return Object.entries(fields).some(([key, below]) => {
    const [mine, theirs] = [follow(key, declared), follow(key, live)];
    if (mine === undefined) return false;
    const isLeaf = Object.keys(below).every((each) => each === ".");
    return isLeaf ? counts(mine, theirs) : holds({ ...below }, mine, theirs, counts);
  });
}

/** The value of a key of the tree; undefined when it does not exist, and for "." (the object itself). */
function follow(key: string, value: unknown): unknown {
  const [kind, rest] = [key.slice(0, 2), key.slice(2)];
  if (kind === "f:") return isRecord(value) ? value[rest] : undefined;
  if (!Array.isArray(value)) return undefined;
  if (kind === "i:") return value[Number(rest)];
  if (kind === "v:") return value.find((each) => JSON.stringify(each) === rest);
  if (kind !== "k:") return undefined;
  const keys = Object.entries(JSON.parse(rest) as Record<string, unknown>);
  return value.find(
    (each) => isRecord(each) && keys.every(([name, wanted]) => (each[name] ?? defaults[name]) === wanted),
  );
}

/** Defaults of list keys that a manifest may omit (k8s.io/api, ContainerPort and ServicePort: +default="TCP"). */
const defaults: Readonly<Record<string, unknown>> = { protocol: "TCP" };
