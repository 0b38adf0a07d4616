import { at, entriesAt, listAt, textAt, textsAt } from "../../../../verify/json";
import type { KubeObject } from "../../../../verify/lab-client";

/**
 * Envoy's RBAC filters as istiod writes them (istio 1.31: pilot/pkg/security/authz/builder/builder.go, model/model.go,
 * model/generator.go, matcher/string.go and header.go), and ztunnel's rules (pilot/pkg/serviceregistry/ambient/authorization.go,
 * ztunnel src/rbac.rs).
 */

const actions = { LOG: ["AUDIT"], DENY: ["DENY"], ALLOW: ["ALLOW", undefined] } as const;

/** One filter for each action that the policies have, in the order in which they are evaluated. */
export const rbacFilters = (policies: readonly KubeObject[]): unknown[] =>
  Object.entries(actions).flatMap(([action, names]) => {
    const own = policies.filter((policy) => (names as readonly unknown[]).includes(at(policy, "spec", "action")));
    const rules = {
      ...(action === "ALLOW" ? {} : { action }),
      policies: Object.fromEntries(own.flatMap(rulesOf)),
    };
    const type = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";
    const typed = { "@type": type, rules, shadow_rules_stat_prefix: "istio_dry_run_allow_" };
    return own.length > 0 ? [{ name: "envoy.filters.http.rbac", typed_config: typed }] : [];
  });

const nothing = { permissions: [{ not_rule: { any: true } }], principals: [{ not_id: { any: true } }] };

function rulesOf(policy: KubeObject): [string, unknown][] {
  const { namespace, name } = policy.metadata ?? {};
  const named = (index: number, value: unknown): [string, unknown] => [
    `ns[${namespace}]-policy[${name}]-rule[${index}]`,
    value,
  ];
  const rules = listAt(policy, "spec", "rules");
  return rules.length === 0 ? [named(0, nothing)] : rules.map((rule, index) => named(index, ruleOf(rule)));
}

function ruleOf(rule: unknown): unknown {
  const sets = (key: string, inner: string) => {
    const list = listAt(rule, key).map((each) => at(each, inner));
    return list.length > 0 ? list : [{}];
  };
  return {
    permissions: sets("to", "operation").map((operation) => {
      const parts = fieldsOf(operation, operations, "or_rules", "rules", "not_rule");
      return { and_rules: { rules: parts.length > 0 ? parts : [{ any: true }] } };
    }),
    principals: sets("from", "source").map((source) => {
      const parts = [
        ...fieldsOf(source, sources, "or_ids", "ids", "not_id"),
        ...listAt(rule, "when").flatMap(claimsOf),
      ];
      return { and_ids: { ids: parts.length > 0 ? parts : [{ any: true }] } };
    }),
  };
}

type Field = (value: string) => unknown;

function fieldsOf(value: unknown, fields: Readonly<Record<string, Field>>, or: string, set: string, not: string) {
  return Object.entries(fields).flatMap(([key, of]) => {
    const negated = `not${key.charAt(0).toUpperCase()}${key.slice(1)}`;
    const any = (values: readonly string[]) => ({ [or]: { [set]: values.map(of) } });
    const [good, bad] = [textsAt(value, key), textsAt(value, negated)];
    // istiod writes the conditions about tokens without a set of their own.
    const refused = key === "requestPrincipals" && bad.length === 1 ? of(bad[0] ?? "") : any(bad);
    return [...(good.length > 0 ? [any(good)] : []), ...(bad.length > 0 ? [{ [not]: refused }] : [])];
  });
}

const text = (value: string, prefix = "", ignore_case = false): object => {
  const more = ignore_case ? { ignore_case } : {};
  if (value === "*") return { safe_regex: { regex: ".+" } };
  if (value.startsWith("*"))
    return prefix ? { safe_regex: { regex: `${prefix}.*${value.slice(1)}` } } : { suffix: value.slice(1), ...more };
  if (value.endsWith("*")) return { prefix: prefix + value.slice(0, -1), ...more };
  return { exact: prefix + value, ...more };
};

const header = (name: string, value: string, ignoreCase: boolean) =>
  value === "*"
    ? { header: { name, present_match: true } }
    : { header: { name, string_match: text(value, "", ignoreCase) } };

const operations: Readonly<Record<string, Field>> = {
  hosts: (value) => header(":authority", value, true),
  methods: (value) => header(":method", value, false),
  paths: (value) => ({ url_path: { path: text(value) } }),
  ports: (value) => ({ destination_port: Number(value) }),
};

const peer = (string_match: object) => ({ filter_state: { key: "io.istio.peer_principal", string_match } });
const claim = (name: string, value: unknown) => ({
  metadata: { filter: "envoy.filters.http.jwt_authn", path: [{ key: "payload" }, { key: name }], value },
});

const sources: Readonly<Record<string, Field>> = {
  principals: (value) => peer(text(value, "spiffe://")),
  namespaces: (value) => peer({ safe_regex: { regex: `.*/ns/${value.replaceAll("*", ".*")}/.*` } }),
  requestPrincipals: (value) => ({
    and_ids: { ids: ["iss", "sub"].map((name) => claim(name, { string_match: text(value) })) },
  }),
  ipBlocks: (value) => {
    const [address_prefix, length = "32"] = value.split("/");
    return { direct_remote_ip: { address_prefix, prefix_len: Number(length) } };
  },
};

function claimsOf(when: unknown): unknown[] {
  const name = /^request\.auth\.claims\[(.*)\]$/.exec(textAt(when, "key") ?? "")?.[1] ?? "";
  const matcher = (values: readonly string[]) => {
    const one = values.map((value) => ({ string_match: text(value) }));
    const any = one.length === 1 ? one[0] : { or_match: { value_matchers: one } };
    return claim(name, { or_match: { value_matchers: [{ list_match: { one_of: any } }, any] } });
  };
  const [values, notValues] = [textsAt(when, "values"), textsAt(when, "notValues")];
  return [
    ...(values.length > 0 ? [matcher(values)] : []),
    ...(notValues.length > 0 ? [{ not_id: matcher(notValues) }] : []),
  ];
}

const httpFields = ["hosts", "methods", "paths", "requestPrincipals", "remoteIpBlocks"];
const isHttp = (key: string) => httpFields.some((field) => key.toLowerCase().endsWith(field.toLowerCase()));

/** A policy in ztunnel's own form. */
export function ztunnelPolicy(policy: KubeObject): unknown {
  const deny = at(policy, "spec", "action") === "DENY";
  const rules = listAt(policy, "spec", "rules").flatMap((rule) => {
    const clauses = [
      listAt(rule, "to").map((to) => at(to, "operation")),
      listAt(rule, "from").map((from) => at(from, "source")),
    ];
    const http = clauses.flat().some((fields) => entriesAt(fields).some(([key]) => isHttp(key)));
    if (http && !deny) return [];
    return [clauses.filter((clause) => clause.length > 0).map((clause) => clause.map(ztunnelMatch))];
  });
  return {
    name: policy.metadata?.name,
    namespace: policy.metadata?.namespace,
    scope: at(policy, "spec", "selector")
      ? "WorkloadSelector"
      : policy.metadata?.namespace === "istio-system"
        ? "Global"
        : "Namespace",
    action: deny ? "Deny" : "Allow",
    dryRun: false,
    rules,
  };
}

function ztunnelMatch(fields: unknown): object {
  const names: Readonly<Record<string, string>> = { ports: "destinationPorts", ipBlocks: "sourceIps" };
  const value = (key: string, text: string) => {
    if (/ports$/i.test(key)) return Number(text);
    if (/ipblocks$/i.test(key)) return text.includes("/") ? text : `${text}/32`;
    if (text === "*") return { Presence: [] };
    if (text.startsWith("*")) return { Suffix: text.slice(1) };
    return text.endsWith("*") ? { Prefix: text.slice(0, -1) } : { Exact: text };
  };
  return Object.fromEntries(
    entriesAt(fields)
      .filter(([key]) => !isHttp(key))
      .map(([key]) => [names[key] ?? key, textsAt(fields, key).map((text) => value(key, text))]),
  );
}
