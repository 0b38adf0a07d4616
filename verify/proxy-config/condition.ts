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

/** All of no conditions hold for every request, any of no conditions for none. */
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
  // The other kind's empty group decides alone: nothing is all of nothing, everything is any of everything.
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

/** Where a condition differs from the declared one: the nodes that it has beside them, that it lacks, or that are not understood. */
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

/** Members of a group; a condition by itself is the group of one that the other side has grown from. */
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
