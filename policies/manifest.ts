/** The fields of a declared Kubernetes object that the rules read. */
export interface Manifest {
  apiVersion?: string;
  kind?: string;
  metadata?: {
    name?: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  spec?: unknown;
}

/** Kind and name of an object, such as "Service/appb". */
export const nameOf = ({ kind = "object", metadata }: Manifest): string => `${kind}/${metadata?.name ?? "unnamed"}`;

/** Whether an object violates a policy on purpose, according to its annotation: modules demonstrate such violations. */
export const isOnPurpose = ({ metadata }: Manifest, policy: string): boolean =>
  metadata?.annotations?.["ambient-lab/on-purpose"] === policy;

/** Whether two objects are in the same namespace. */
export const sameNamespace = (a: Manifest, b: Manifest): boolean =>
  (a.metadata?.namespace ?? "default") === (b.metadata?.namespace ?? "default");

/** Whether an object is of a kind, in any version of its group. */
export const isKind = ({ apiVersion = "", kind }: Manifest, group: string, name: string): boolean =>
  kind === name && (group === "" ? !apiVersion.includes("/") : apiVersion.startsWith(`${group}/`));

/** The value at a path; undefined when there is none. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let here = value;
  for (const key of path) here = typeof here === "object" && here !== null ? Reflect.get(here, key) : undefined;
  return here;
}

/** The list at a path; empty when there is none. */
export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** The texts of the list at a path. */
export const textsAt = (value: unknown, ...path: readonly string[]): string[] =>
  listAt(value, ...path).filter((item) => typeof item === "string");

/** The text entries of the map at a path; empty when there is none. */
export function mapAt(value: unknown, ...path: readonly string[]): Record<string, string> {
  const found = at(value, ...path);
  if (typeof found !== "object" || found === null) return {};
  return Object.fromEntries(Object.entries(found).filter(([, text]) => typeof text === "string"));
}
