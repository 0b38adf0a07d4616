import { z } from "zod";
import { at, entriesAt, listAt, textAt } from "../json";
import {
  all,
  always,
  any,
  type Condition,
  conditionSchema,
  headerName,
  matches,
  not,
  present,
  test,
  unknown,
} from "./condition";

export const rbacRuleSchema = z.object({
  /** Envoy's name of the rule, such as "ns[default]-policy[appb-l7]-rule[0]". */
  name: z.string(),
  action: z.enum(["ALLOW", "DENY", "LOG"]),
  /** A dry run: evaluated without effect. */
  shadow: z.boolean(),
  condition: conditionSchema,
});

/** A rule of an RBAC filter, with the condition under which it matches a request. */
export type RbacRule = z.infer<typeof rbacRuleSchema>;

/** Envoy's name of the HTTP filter. */
export const rbacFilter = "envoy.filters.http.rbac";

const filterKeys = ["@type", "rules", "shadowRules", "shadowRulesStatPrefix", "rulesStatPrefix"];

/** The rules of an RBAC filter's configuration, with keys in camelCase (envoy/extensions/filters/http/rbac/v3/rbac.proto). */
export function rulesOfFilter(config: unknown): RbacRule[] {
  const odd = otherFields(config, filterKeys);
  return [
    ...rulesOf(at(config, "rules"), false),
    ...rulesOf(at(config, "shadowRules"), true),
    ...(odd ? [{ name: "the filter itself", action: "ALLOW" as const, shadow: false, condition: unknown(odd) }] : []),
  ];
}

function rulesOf(rules: unknown, shadow: boolean): RbacRule[] {
  const declared = at(rules, "action") ?? "ALLOW";
  const action: RbacRule["action"] = declared === "DENY" || declared === "LOG" ? declared : "ALLOW";
  const odd = otherFields(rules, ["action", "policies"]) ?? (declared === action ? undefined : declared);
  return [
    ...entriesAt(rules, "policies").map(([name, policy]) => ({ name, action, shadow, condition: policyOf(policy) })),
    ...(odd ? [{ name: "the rules themselves", action, shadow, condition: unknown(odd) }] : []),
  ];
}

function policyOf(policy: unknown): Condition {
  const odd = otherFields(policy, ["permissions", "principals"]);
  if (odd) return unknown(odd);
  return all([any(listAt(policy, "permissions").map(nodeOf)), any(listAt(policy, "principals").map(nodeOf))]);
}

/** The fields of an object other than the known ones; undefined without any. */
function otherFields(value: unknown, known: readonly string[]): unknown {
  const odd = entriesAt(value).filter(([key]) => !known.includes(key));
  return odd.length > 0 ? Object.fromEntries(odd) : undefined;
}

type Read = (value: unknown, node: unknown) => Condition;

/** Permissions and principals: each is an object with one field (envoy/config/rbac/v3/rbac.proto). */
const nodes: Readonly<Record<string, Read>> = {
  any: (value, node) => (value === true ? always : unknown(node)),
  andRules: (value, node) => set(value, "rules", node, all),
  andIds: (value, node) => set(value, "ids", node, all),
  orRules: (value, node) => set(value, "rules", node, any),
  orIds: (value, node) => set(value, "ids", node, any),
  notRule: (value) => not(nodeOf(value)),
  notId: (value) => not(nodeOf(value)),
  header: headerOf,
  urlPath: (value, node) => (only(value, ["path"]) ? stringOf("path", at(value, "path"), node) : unknown(node)),
  uriTemplate: (value, node) =>
    only(value, ["name", "typedConfig"]) && only(at(value, "typedConfig"), ["@type", "pathTemplate"])
      ? test(`path fits ${textAt(value, "typedConfig", "pathTemplate")}`)
      : unknown(node),
  destinationPort: (value, node) => (typeof value === "number" ? test(`port is ${value}`) : unknown(node)),
  destinationIp: (value, node) => rangeOf("destination address", value, node),
  sourceIp: (value, node) => rangeOf("source address", value, node),
  directRemoteIp: (value, node) => rangeOf("source address", value, node),
  remoteIp: (value, node) => rangeOf("client address", value, node),
  requestedServerName: (value, node) => stringOf("server name", value, node),
  authenticated: (value, node) =>
    only(value, ["principalName"]) ? stringOf("identity", at(value, "principalName"), node) : unknown(node),
  filterState: (value, node) =>
    only(value, ["key", "stringMatch"]) && textAt(value, "key") === "io.istio.peer_principal"
      ? stringOf("identity", at(value, "stringMatch"), node)
      : unknown(node),
  metadata: metadataOf,
};

function nodeOf(node: unknown): Condition {
  const [[key, value] = ["", undefined], ...more] = entriesAt(node);
  const read = nodes[key];
  return read && more.length === 0 ? read(value, node) : unknown(node);
}

/** Whether an object has these fields and no others. */
const only = (value: unknown, keys: readonly string[]): boolean =>
  keys.every((key) => at(value, key) !== undefined) && otherFields(value, keys) === undefined;

const set = (value: unknown, key: string, node: unknown, join: (of: readonly Condition[]) => Condition): Condition =>
  only(value, [key]) && listAt(value, key).length > 0 ? join(listAt(value, key).map(nodeOf)) : unknown(node);

function headerOf(value: unknown, node: unknown): Condition {
  const name = headerName(textAt(value, "name") ?? "");
  if (only(value, ["name", "stringMatch"])) return stringOf(name, at(value, "stringMatch"), node);
  return only(value, ["name", "presentMatch"]) && at(value, "presentMatch") === true ? present(name) : unknown(node);
}

function rangeOf(what: string, value: unknown, node: unknown): Condition {
  if (!only(value, ["addressPrefix", "prefixLen"])) return unknown(node);
  return test(`${what} is in ${textAt(value, "addressPrefix")}/${at(value, "prefixLen")}`);
}

/** envoy/type/matcher/v3/string.proto */
function stringOf(what: string, value: unknown, node: unknown): Condition {
  const ignoreCase = at(value, "ignoreCase") === true;
  const rest = entriesAt(value).filter(([key]) => key !== "ignoreCase");
  const [[how, text] = ["", ""], ...more] = rest;
  if (more.length > 0) return unknown(node);
  if ((how === "exact" || how === "prefix" || how === "suffix") && typeof text === "string")
    return matches(what, how, text, ignoreCase);
  const regex = how === "safeRegex" && otherFields(text, ["regex", "googleRe2"]) === undefined && textAt(text, "regex");
  if (!regex || ignoreCase) return unknown(node);
  // Istio's expression for any value (matcher.StringMatcherWithPrefix).
  return regex === ".+" ? present(what) : matches(what, "matches", regex);
}

/** envoy/type/matcher/v3/metadata.proto */
function metadataOf(value: unknown, node: unknown): Condition {
  const segments = listAt(value, "path").map((segment) => textAt(segment, "key"));
  if (!only(value, ["filter", "path", "value"]) || segments.includes(undefined)) return unknown(node);
  return valueCondition(`${textAt(value, "filter")} ${segments.join(".")}`, at(value, "value"), node);
}

/** envoy/type/matcher/v3/value.proto */
function valueCondition(what: string, value: unknown, node: unknown): Condition {
  if (only(value, ["stringMatch"])) return stringOf(what, at(value, "stringMatch"), node);
  if (only(value, ["orMatch"]) && only(at(value, "orMatch"), ["valueMatchers"]))
    return any(listAt(value, "orMatch", "valueMatchers").map((item) => valueCondition(what, item, node)));
  if (only(value, ["listMatch"]) && only(at(value, "listMatch"), ["oneOf"]))
    return valueCondition(`an element of ${what}`, at(value, "listMatch", "oneOf"), node);
  return unknown(node);
}
