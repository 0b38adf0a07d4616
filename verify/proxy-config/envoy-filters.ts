import { z } from "zod";
import { at, entriesAt, numberAt, textAt } from "../json";

export const rbacRuleSchema = z.object({
  /** Envoy's name of the rule, such as "ns[default]-policy[appb-l7]-rule[0]". */
  name: z.string(),
  action: z.enum(["ALLOW", "DENY", "LOG"]),
  /** Identities without "spiffe://". Empty when the rule names none. */
  principals: z.array(z.string()).readonly(),
  methods: z.array(z.string()).readonly(),
  /** Exact paths, and Envoy's matcher as JSON for any other kind. Empty when the rule applies to every path. */
  paths: z.array(z.string()).readonly(),
});

/** One rule of an RBAC filter: the identities and methods it names. */
export type RbacRule = z.infer<typeof rbacRuleSchema>;

export const faultSchema = z.object({ delayMs: z.number(), percent: z.number() });

/** A delay that a route injects. */
export type Fault = z.infer<typeof faultSchema>;

export const abortSchema = z.object({ status: z.number(), percent: z.number() });

/** An answer that a route gives instead of the application. */
export type Abort = z.infer<typeof abortSchema>;

/** The rules of all RBAC filters among HTTP filters. */
export function rbacRules(filters: readonly unknown[]): RbacRule[] {
  return filters.flatMap((filter) => {
    const rules = at(filter, "typedConfig", "rules");
    const action = textAt(rules, "action") ?? "ALLOW";
    return entriesAt(rules, "policies").map(([name, policy]) => ({
      name,
      action: action === "DENY" || action === "LOG" ? action : ("ALLOW" as const),
      principals: exacts(at(policy, "principals"))
        .filter((text) => text.startsWith("spiffe://"))
        .map((text) => text.slice("spiffe://".length)),
      methods: headerMatches(at(policy, "permissions"), ":method"),
      paths: pathMatches(at(policy, "permissions")),
    }));
  });
}

/** The abort of a route; nothing when it injects none. */
export function abortOf(route: unknown): Abort | undefined {
  const abort = at(route, "typedPerFilterConfig", "envoy.filters.http.fault", "abort");
  const status = numberAt(abort, "httpStatus");
  return status === undefined ? undefined : { status, percent: percentOf(at(abort, "percentage")) };
}

/** The delay of a route; nothing when it injects none. */
export function faultOf(route: unknown): Fault | undefined {
  const delay = at(route, "typedPerFilterConfig", "envoy.filters.http.fault", "delay");
  const seconds = /^(\d+(?:\.\d+)?)s$/.exec(textAt(delay, "fixedDelay") ?? "")?.[1];
  if (seconds === undefined) return undefined;
  return { delayMs: Math.round(Number(seconds) * 1000), percent: percentOf(at(delay, "percentage")) };
}

function percentOf(fraction: unknown): number {
  const parts = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 };
  const denominator = textAt(fraction, "denominator");
  const per = denominator === "MILLION" || denominator === "TEN_THOUSAND" ? parts[denominator] : parts.HUNDRED;
  return ((numberAt(fraction, "numerator") ?? 0) / per) * 100;
}

/** Every exact match within nested and/or rules. */
function exacts(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(exacts);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => (key === "exact" ? [String(item)] : exacts(item)));
}

function headerMatches(value: unknown, header: string): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => headerMatches(item, header));
  if (typeof value !== "object" || value === null) return [];
  if (textAt(value, "name") === header) return exacts(value);
  return Object.values(value).flatMap((item) => headerMatches(item, header));
}

function pathMatches(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(pathMatches);
  if (typeof value !== "object" || value === null) return [];
  const path = at(value, "urlPath", "path");
  if (path === undefined) return Object.values(value).flatMap(pathMatches);
  // Istio's word for a path that is there at all.
  if (textAt(path, "safeRegex", "regex") === ".+") return [];
  return [textAt(path, "exact") ?? JSON.stringify(path)];
}

/** Names of the listed filters that stand in another order than asked; empty when the order holds. */
export function outOfOrder(filters: readonly string[], order: readonly string[]): string[] {
  const places = order.map((name) => filters.indexOf(name));
  return order.filter((_, index) => index > 0 && Number(places[index]) < Number(places[index - 1]));
}
