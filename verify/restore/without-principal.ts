import { at, listAt, textsAt } from "../json";

/**
 * The rules of an ALLOW policy with one identity taken out. A source without other principals is removed, and so is a rule
 * without remaining sources: a rule without sources would allow every caller.
 */
export function withoutPrincipal(rules: readonly unknown[], principal: string): unknown[] {
  return rules.flatMap((rule) => {
    const sources = listAt(rule, "from");
    if (sources.length === 0) return [rule];
    const left = sources.flatMap((source) => sourceWithout(source, principal));
    return left.length > 0 ? [{ ...Object(rule), from: left }] : [];
  });
}

function sourceWithout(source: unknown, principal: string): unknown[] {
  const principals = textsAt(source, "source", "principals");
  if (!principals.includes(principal)) return [source];
  const left = principals.filter((item) => item !== principal);
  if (left.length === 0) return [];
  return [{ ...Object(source), source: { ...Object(at(source, "source")), principals: left } }];
}
