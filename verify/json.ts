/** A step of a path: a key of an object or an index of a list. */
type Step = string | number;

/** Whether a value of parsed JSON is an object. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The value of a JSON text; undefined when it is malformed, such as the output of a command that was killed. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The value at a path of parsed JSON; undefined when the path does not exist. */
export function at(value: unknown, ...path: readonly Step[]): unknown {
  let here = value;
  for (const step of path) {
    if (typeof here !== "object" || here === null) return undefined;
    here = Reflect.get(here, step);
  }
  return here;
}

/** The text at a path; undefined for anything else. */
export function textAt(value: unknown, ...path: readonly Step[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === "string" ? found : undefined;
}

/** The number at a path, also when it is written as text; undefined for anything else. */
export function numberAt(value: unknown, ...path: readonly Step[]): number | undefined {
  const found = at(value, ...path);
  const number = typeof found === "string" && found !== "" ? Number(found) : found;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}

/** The list at a path; empty when there is none. */
export function listAt(value: unknown, ...path: readonly Step[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** The texts of the list at a path. */
export const textsAt = (value: unknown, ...path: readonly Step[]): string[] =>
  listAt(value, ...path).filter((item) => typeof item === "string");

/** Keys and values of the object at a path; empty when there is none. */
export function entriesAt(value: unknown, ...path: readonly Step[]): [string, unknown][] {
  const found = at(value, ...path);
  return isRecord(found) ? Object.entries(found) : [];
}

/** A place at which two JSON values differ. A missing value is undefined. */
export interface JsonDifference {
  /** Such as `spec.rules[0].to`. */
  path: string;
  wanted: unknown;
  found: unknown;
}

/** The places at which two JSON values differ. The order of keys does not matter. An empty value differs from a missing one. */
export function differences(wanted: unknown, found: unknown, path = ""): JsonDifference[] {
  if (Array.isArray(wanted) && Array.isArray(found)) {
    const indexes = [...Array(Math.max(wanted.length, found.length)).keys()];
    return indexes.flatMap((index) => differences(wanted[index], found[index], `${path}[${index}]`));
  }
  if (isRecord(wanted) && isRecord(found)) {
    const keys = [...new Set([...Object.keys(wanted), ...Object.keys(found)])];
    return keys.flatMap((key) => differences(wanted[key], found[key], path ? `${path}.${key}` : key));
  }
  return Object.is(wanted, found) ? [] : [{ path, wanted, found }];
}

/** Whether two JSON values are equal. The order of keys does not matter. */
export const sameJson = (a: unknown, b: unknown): boolean => differences(a, b).length === 0;
