import { z } from "zod";

/** A condition of an authorization rule, in one form for Envoy, for ztunnel and for the policies that the stack declares. */
export type Condition =
  | { kind: "all" | "any"; of: readonly Condition[] }
  | { kind: "not"; of: Condition }
  /** A test of one property, such as `method is GET`. */
  | { kind: "test"; text: string }
  /** A part of a configuration that the verifier does not understand, as JSON. */
  | { kind: "unknown"; json: string };

export const conditionSchema: z.ZodType<Condition> = z.lazy(() =>
  z.union([
    z.object({ kind: z.enum(["all", "any"]), of: z.array(conditionSchema).readonly() }),
    z.object({ kind: z.literal("not"), of: conditionSchema }),
    z.object({ kind: z.literal("test"), text: z.string() }),
    z.object({ kind: z.literal("unknown"), json: z.string() }),
  ]),
);

/** "All of none" holds for every request, "any of none" for no request. */
export const always: Condition = { kind: "all", of: [] };
export const never: Condition = { kind: "any", of: [] };

export const test = (text: string): Condition => ({ kind: "test", text });
export const unknown = (value: unknown): Condition => ({ kind: "unknown", json: JSON.stringify(value) });
export const all = (of: readonly Condition[]): Condition => group("all", of);
export const any = (of: readonly Condition[]): Condition => group("any", of);

export function not(of: Condition): Condition {
  if (of.kind === "not") return of.of;
  if (isGroup(of) && of.of.length === 0) return of.kind === "all" ? never : always;
  return { kind: "not", of };
}

const isGroup = (condition: Condition): condition is Extract<Condition, { kind: "all" | "any" }> =>
  condition.kind === "all" || condition.kind === "any";

/** The canonical form of a group: without nested groups of the same kind, without duplicates, in one order. */
function group(kind: "all" | "any", of: readonly Condition[]): Condition {
  const flat = of.flatMap((item) => (isGroup(item) && item.kind === kind ? item.of : [item]));
  // An empty group of the other kind decides alone: `never` in "all", `always` in "any".
  const decisive = flat.find((item) => isGroup(item) && item.of.length === 0);
  if (decisive && flat.every((item) => unknownIn(item).length === 0)) return decisive;
  const unique = [...new Map(flat.map((item) => [conditionText(item), item]))].sort(([a], [b]) => (a < b ? -1 : 1));
  const members = unique.map(([, item]) => item);
  const [only] = members;
  return only && members.length === 1 ? only : { kind, of: members };
}

/** A condition as text. Equal conditions have equal texts. */
export function conditionText(condition: Condition): string {
  if (condition.kind === "test") return condition.text;
  if (condition.kind === "unknown") return `not understood: ${condition.json}`;
  if (condition.kind === "not") return `not (${conditionText(condition.of)})`;
  if (condition.of.length === 0) return condition.kind === "all" ? "always" : "never";
  const [open, close, word] = condition.kind === "all" ? ["", "", " and "] : ["(", ")", " or "];
  return `${open}${condition.of.map(conditionText).join(word)}${close}`;
}

/** Differences from the declared condition: additional nodes, missing nodes, and nodes that are not understood. */
export function differences(declared: Condition, found: Condition): string[] {
  const unclear = unknownIn(found);
  if (unclear.length > 0) return unclear.map((json) => `has a part that is not understood: ${json}`);
  if (conditionText(declared) === conditionText(found)) return [];
  const [wanted, seen] = [members(declared, found), members(found, declared)];
  if (!wanted || !seen) return [`is "${conditionText(found)}", declared is "${conditionText(declared)}"`];
  const without = (items: readonly Condition[], others: readonly Condition[]) => {
    const texts = others.map(conditionText);
    return items.filter((item) => !texts.includes(conditionText(item)));
  };
  const [missing, extra] = [without(wanted, seen), without(seen, wanted)];
  const [lost, gained] = [missing[0], extra[0]];
  if (missing.length === 1 && extra.length === 1 && lost && gained && (isGroup(lost) || isGroup(gained)))
    return differences(lost, gained);
  return [
    ...extra.map((item) => `has "${conditionText(item)}", which is not declared`),
    ...missing.map((item) => `lacks "${conditionText(item)}"`),
  ];
}

/** Members of a group. A single condition counts as a group of one when the other side is a group. */
function members(condition: Condition, other: Condition): readonly Condition[] | undefined {
  if (isGroup(condition)) return !isGroup(other) || other.kind === condition.kind ? condition.of : undefined;
  return isGroup(other) && other.of.length > 0 ? [condition] : undefined;
}

/** The parts of a condition that are not understood, as JSON. */
function unknownIn(condition: Condition): string[] {
  if (condition.kind === "unknown") return [condition.json];
  if (condition.kind === "test") return [];
  return condition.kind === "not" ? unknownIn(condition.of) : condition.of.flatMap(unknownIn);
}

const spiffe = "spiffe://";

/** Names of Envoy's pseudo headers in rules. */
const headers: Readonly<Record<string, string>> = { ":method": "method", ":authority": "host" };

/** Name of a header in the text of tests. */
export const headerName = (name: string): string => headers[name] ?? `header ${name}`;

const matchers = { exact: "is", prefix: "begins with", suffix: "ends with" } as const;

/** A test of a property by one of Envoy's string matchers. */
export const matches = (what: string, how: keyof typeof matchers | "matches", text: string, ignoreCase = false) =>
  test(`${what} ${how === "matches" ? how : matchers[how]} ${plain(what, text)}${ignoreCase ? " in any case" : ""}`);

/** Identities have no scheme in AuthorizationPolicies. */
const plain = (what: string, text: string): string =>
  what === "identity" && text.startsWith(spiffe) ? text.slice(spiffe.length) : text;

/** The property exists. */
export const present = (what: string): Condition => test(`${what} is present`);

/** Field of a policy, such as `principals`, and whether the key is its negation, such as `notPrincipals`. */
export function fieldNameOf(key: string): { name: string; negated: boolean } {
  const negated = /^not[A-Z]/.test(key);
  return { name: negated ? `${key.charAt(3).toLowerCase()}${key.slice(4)}` : key, negated };
}

/** The negation of a field of a policy, such as `notPrincipals`. */
export const negationOf = (field: string): string => `not${field.charAt(0).toUpperCase()}${field.slice(1)}`;
