import { meshNamespace } from "../../config/vocabulary";
import { strictPolicy } from "../../experiments/names";
import { at, entriesAt, listAt, textAt, textsAt } from "../json";
import type { KubeObject } from "../lab-client";
import {
  all,
  always,
  any,
  type Condition,
  fieldNameOf,
  headerName,
  matches,
  never,
  not,
  present,
  test,
  unknown,
} from "../proxy-config/condition";
import { tokenFilter } from "../proxy-config/envoy-dump";
import type { RbacRule } from "../proxy-config/envoy-rbac";
import type { ZtunnelPolicy } from "../proxy-config/ztunnel-dump";

/**
 * The configuration that istiod generates from AuthorizationPolicies, from its source (istio 1.31:
 * pilot/pkg/security/authz/builder/builder.go, model/model.go and generator.go for Envoy;
 * pilot/pkg/serviceregistry/ambient/authorization.go for ztunnel). A field of a policy that is not in the tables below becomes a
 * condition that no proxy has.
 */

export const actionOf = (policy: KubeObject): string => textAt(policy, "spec", "action") ?? "ALLOW";
const nameOf = ({ metadata }: KubeObject) => ({
  name: metadata?.name ?? "",
  namespace: metadata?.namespace ?? "",
});

/** Go's strconv.ParseBool, by which istiod reads annotations and labels. Any other text is false. */
export const parseBool = (text: string | undefined): boolean =>
  ["1", "t", "T", "TRUE", "true", "True"].includes(text ?? "");

export const isDryRun = (policy: KubeObject): boolean => parseBool(policy.metadata?.annotations?.["istio.io/dry-run"]);

/** The rules that a gateway or waypoint has for AuthorizationPolicies. */
export const rbacRulesOf = (policies: readonly KubeObject[]): RbacRule[] =>
  policies.flatMap((policy) => {
    const { name, namespace } = nameOf(policy);
    const declared = actionOf(policy);
    const action = declared === "AUDIT" ? "LOG" : declared === "DENY" ? "DENY" : "ALLOW";
    const rule = (index: number, condition: Condition): RbacRule => ({
      name: `ns[${namespace}]-policy[${name}]-rule[${index}]`,
      ...{ action, shadow: isDryRun(policy), condition },
    });
    const rules = listAt(policy, "spec", "rules");
    if (rules.length === 0) return [rule(0, never)];
    return rules.map((each, index) => rule(index, envoyRule(each, namespace)));
  });

/** Name of a field, and the condition for one of its values. */
type Field = readonly [name: string, of: (value: string) => Condition];

const permissionFields: readonly Field[] = [
  ["hosts", (value) => textOf(headerName(":authority"), value, { ignoreCase: true })],
  ["methods", (value) => textOf(headerName(":method"), value)],
  ["paths", (value) => (/\{\*{1,2}\}/.test(value) ? templateOf(value) : textOf("path", value))],
  ["ports", (value) => test(`port is ${value}`)],
];

const principalFields = (namespace: string): readonly Field[] => [
  ["principals", identityOf],
  ["requestPrincipals", requestPrincipalOf],
  ["namespaces", namespaceOf],
  ["serviceAccounts", (value) => accountOf(value, namespace)],
  ["trustDomains", trustDomainOf],
  ["ipBlocks", (value) => test(`source address is in ${rangeOf(value)}`)],
  ["remoteIpBlocks", (value) => test(`client address is in ${rangeOf(value)}`)],
];

const permissionKeys: readonly Field[] = [
  ["destination.ip", (value) => test(`destination address is in ${rangeOf(value)}`)],
  ["destination.port", (value) => test(`port is ${value}`)],
  ["connection.sni", (value) => textOf("server name", value)],
];

const principalKeys: readonly Field[] = [
  ["source.ip", (value) => test(`source address is in ${rangeOf(value)}`)],
  ["remote.ip", (value) => test(`client address is in ${rangeOf(value)}`)],
  ["source.namespace", namespaceOf],
  ["source.principal", identityOf],
  ["request.auth.principal", requestPrincipalOf],
  ["request.auth.audiences", (value) => claimOf("aud", value)],
  ["request.auth.presenter", (value) => claimOf("azp", value)],
];

/** A rule: any of its operations and any of its sources. Envoy combines each of them with the `when` conditions of its kind. */
function envoyRule(rule: unknown, namespace: string): Condition {
  const odd = entriesAt(rule).filter(([key]) => !["from", "to", "when"].includes(key));
  if (odd.length > 0) return unknown(Object.fromEntries(odd));
  const whens = listAt(rule, "when");
  const isPermission = (when: unknown) => permissionKeys.some(([key]) => key === textAt(when, "key"));
  const alternatives = (key: string, inner: string, fields: readonly Field[], conditions: readonly unknown[]) => {
    const items = listAt(rule, key).map((each) => fieldsOf(at(each, inner), fields));
    const common = conditions.map(whenOf);
    return any((items.length > 0 ? items : [always]).map((item) => all([item, ...common])));
  };
  const callers = whens.filter((when) => !isPermission(when));
  return all([
    alternatives("to", "operation", permissionFields, whens.filter(isPermission)),
    alternatives("from", "source", principalFields(namespace), callers),
  ]);
}

/** The fields of a source or an operation: any of the values of each, and none of its negated values. */
function fieldsOf(value: unknown, fields: readonly Field[]): Condition {
  return all(
    entriesAt(value).map(([key, values]) => {
      const { name, negated } = fieldNameOf(key);
      const of = fields.find(([field]) => field === name)?.[1];
      if (!of) return unknown({ [key]: values });
      return valuesOf(textsAt(value, key), of, negated);
    }),
  );
}

function valuesOf(values: readonly string[], of: (value: string) => Condition, negated: boolean): Condition {
  if (values.length === 0) return always;
  const one = any(values.map(of));
  return negated ? not(one) : one;
}

function whenOf(when: unknown): Condition {
  const key = textAt(when, "key") ?? "";
  const name = /\[(.*)\]$/.exec(key)?.[1];
  const known = [...permissionKeys, ...principalKeys].find(([field]) => field === key)?.[1];
  const of =
    known ??
    (name && key.startsWith("request.headers[") ? (value: string) => textOf(headerName(name), value) : undefined) ??
    (name && key.startsWith("request.auth.claims[")
      ? (value: string) => claimOf(name.replaceAll("][", "."), value)
      : undefined);
  return whenBy(of, when);
}

/** A `when` condition, by the condition for one of its values; undefined for a key that is not understood. */
function whenBy(of: Field[1] | undefined, when: unknown): Condition {
  if (!of) return unknown(when);
  return all([valuesOf(textsAt(when, "values"), of, false), valuesOf(textsAt(when, "notValues"), of, true)]);
}

/** A value with Istio's wildcards: "*" for any text, "*suffix" and "prefix*". */
export function wildcardOf(value: string): { how: "exact" | "prefix" | "suffix" | "presence"; text: string } {
  if (value === "*") return { how: "presence", text: "" };
  if (value.startsWith("*")) return { how: "suffix", text: value.slice(1) };
  if (value.endsWith("*")) return { how: "prefix", text: value.slice(0, -1) };
  return { how: "exact", text: value };
}

function textOf(what: string, value: string, { ignoreCase = false } = {}): Condition {
  const { how, text } = wildcardOf(value);
  return how === "presence" ? present(what) : matches(what, how, text, ignoreCase);
}

/** Go's regexp.QuoteMeta. */
export const quoted = (text: string): string => text.replace(/[\\.+*?()|[\]{}^$]/g, "\\$&");

function identityOf(value: string): Condition {
  if (value !== "*" && value.startsWith("*"))
    return matches("identity", "matches", `spiffe://.*${quoted(value.slice(1))}`);
  return textOf("identity", value);
}

const templateOf = (value: string): Condition =>
  test(`path fits ${value.replaceAll("{**}", "**").replaceAll("{*}", "*")}`);

function accountOf(value: string, ofPolicy: string): Condition {
  const [account = "", namespace = ofPolicy] = value.split("/").reverse();
  return matches("identity", "matches", `spiffe://.+/ns/${quoted(namespace)}/(.+/|)sa/${quoted(account)}(/.+)?`);
}

function trustDomainOf(value: string): Condition {
  if (value === "*") return matches("identity", "prefix", "spiffe://");
  if (!value.includes("*")) return matches("identity", "prefix", `spiffe://${value}/`);
  const [before = "", after = ""] = value.split("*");
  return matches("identity", "matches", `spiffe://${quoted(before)}[^/]*${quoted(after)}/.*`);
}

function namespaceOf(value: string): Condition {
  return matches("identity", "matches", `.*/ns/${value.split("*").map(quoted).join(".*")}/.*`);
}

/** A claim of a token: the value itself, or an element of a list. */
function claimOf(claim: string, value: string): Condition {
  const what = `${tokenFilter} payload.${claim}`;
  return any([textOf(what, value), textOf(`an element of ${what}`, value)]);
}

/** "issuer/subject" of a token. The issuer may contain slashes. */
function requestPrincipalOf(value: string): Condition {
  const [issuer, subject] = [`${tokenFilter} payload.iss`, `${tokenFilter} payload.sub`];
  const slash = value.lastIndexOf("/");
  const parts = slash < 0 ? undefined : [value.slice(0, slash), value.slice(slash + 1)];
  if (value === "*") return all([present(issuer), present(subject)]);
  if (value.includes("*") && !parts) return unknown({ requestPrincipals: value });
  const [iss = value, sub = ""] = parts ?? [];
  return all([textOf(issuer, iss), textOf(subject, sub)]);
}

/** An address range with the length of its prefix. */
const rangeOf = (value: string): string => (value.includes("/") ? value : `${value}/${value.includes(":") ? 128 : 32}`);

/** The policies that ztunnel has for a pod, from AuthorizationPolicies and PeerAuthentications. */
export function ztunnelPoliciesOf(objects: readonly KubeObject[], pod: PodLabels): ZtunnelPolicy[] {
  const applying = objects.filter((each) => selects(each, pod));
  const strict = applying.some(
    (each) => each.kind === "PeerAuthentication" && textAt(each, "spec", "mtls", "mode") === "STRICT",
  );
  return [
    ...applying.filter(({ kind }) => kind === "AuthorizationPolicy").map(ztunnelPolicyOf),
    ...(strict ? [strictPolicyOfIstio] : []),
  ];
}

/** Namespace and labels of a pod. */
export interface PodLabels {
  namespace: string;
  labels: Readonly<Record<string, string>>;
}

/** Whether an object applies to a pod by its selector, or to all pods of its namespace or, in Istio's root namespace, of the mesh. */
export function selects(object: KubeObject, { namespace, labels }: PodLabels): boolean {
  if (at(object, "spec", "targetRefs") ?? at(object, "spec", "targetRef")) return false;
  const own = object.metadata?.namespace;
  if (own !== namespace && own !== meshNamespace) return false;
  return hasLabels(labels, at(object, "spec", "selector", "matchLabels"));
}

/** Whether labels have all labels of a selector. */
export const hasLabels = (labels: PodLabels["labels"], selector: unknown): boolean =>
  entriesAt(selector).every(([key, value]) => labels[key] === value);

/** DENY without an identity (pilot/pkg/serviceregistry/ambient/authorization.go and peer_authentication.go). */
const strictPolicyOfIstio: ZtunnelPolicy = {
  ...strictPolicy,
  ...{ scope: "WorkloadSelector", action: "Deny", dryRun: false, condition: not(present("identity")) },
};

function ztunnelPolicyOf(policy: KubeObject): ZtunnelPolicy {
  const scope = policy.metadata?.namespace === meshNamespace ? "Global" : "Namespace";
  const action = actionOf(policy) === "DENY" ? "Deny" : "Allow";
  return {
    ...nameOf(policy),
    scope: at(policy, "spec", "selector") ? "WorkloadSelector" : scope,
    action,
    dryRun: isDryRun(policy),
    condition: any(
      listAt(policy, "spec", "rules").flatMap((rule) => ztunnelRule(rule, action, policy.metadata?.namespace ?? "")),
    ),
  };
}

export const httpOperations = ["hosts", "methods", "paths", "notHosts", "notMethods", "notPaths"];
export const httpSources = ["remoteIpBlocks", "requestPrincipals", "notRemoteIpBlocks", "notRequestPrincipals"];
export const layer4Keys = ["source.ip", "source.namespace", "source.principal", "destination.ip", "destination.port"];

/**
 * ztunnel cannot evaluate HTTP: istiod drops an ALLOW rule with a condition about HTTP, and removes the condition from a DENY rule. A
 * source or an operation without remaining fields never matches.
 */
function ztunnelRule(rule: unknown, action: string, namespace: string): Condition[] {
  const parts = (key: string, inner: string) => listAt(rule, key).map((each) => at(each, inner));
  const [operations, sources, whens] = [parts("to", "operation"), parts("from", "source"), listAt(rule, "when")];
  const has = (values: readonly unknown[], names: readonly string[]) =>
    values.some((value) => names.some((name) => textsAt(value, name).length > 0));
  const http =
    has(operations, httpOperations) ||
    has(sources, httpSources) ||
    whens.some((when) => !layer4Keys.includes(textAt(when, "key") ?? ""));
  if (http && action === "Allow") return [];
  const match = (value: unknown, ignored: readonly string[]) => {
    const left = entriesAt(value).filter(
      ([key, values]) => !ignored.includes(key) && listAt({ values }, "values").length > 0,
    );
    return left.length === 0 ? never : fieldsOf(Object.fromEntries(left), ztunnelFields(namespace));
  };
  return [
    all([
      ...(operations.length > 0 ? [any(operations.map((each) => match(each, httpOperations)))] : []),
      ...(sources.length > 0 ? [any(sources.map((each) => match(each, httpSources)))] : []),
      ...whens.map((when) => (layer4Keys.includes(textAt(when, "key") ?? "") ? ztunnelWhen(when) : never)),
    ]),
  ];
}

const ztunnelFields = (namespace: string): readonly Field[] => [
  ["ports", (value) => test(`port is ${value}`)],
  ["principals", (value) => textOf("identity", value)],
  ["namespaces", (value) => textOf("namespace", value)],
  ["ipBlocks", (value) => test(`source address is in ${rangeOf(value)}`)],
  ["serviceAccounts", (value) => test(`service account is ${value.includes("/") ? value : `${namespace}/${value}`}`)],
];

const whenFields: Readonly<Record<string, (value: string) => Condition>> = {
  "source.ip": (value) => test(`source address is in ${rangeOf(value)}`),
  "source.namespace": (value) => textOf("namespace", value),
  "source.principal": (value) => textOf("identity", value),
  "destination.ip": (value) => test(`destination address is in ${rangeOf(value)}`),
  "destination.port": (value) => test(`port is ${value}`),
};

const ztunnelWhen = (when: unknown): Condition => whenBy(whenFields[textAt(when, "key") ?? ""], when);
