import { actionOf, httpOperations, httpSources, layer4Keys } from "../../../verify/declared/authorization";
import { at, listAt, textAt, textsAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import { negationOf } from "../../../verify/proxy-config/condition";
import { nameOf } from "../objects/mesh-objects";
import { isInRange, rangeOf } from "./envoy-rules";
import { principalText, type Seen } from "./seen";
import { allOf, anyOf, fits, opposite, type Truth, unclear } from "./truth";

/**
 * Rules of AuthorizationPolicies at ztunnel: what istiod sends (istio 1.31, pilot/pkg/serviceregistry/ambient/authorization.go:
 * handleRule), and how ztunnel evaluates it (ztunnel 1.31, src/rbac.rs: Authorization::matches). ztunnel cannot evaluate HTTP: an ALLOW
 * rule with a condition about HTTP is dropped, and such a condition is removed from a DENY rule; a source, an operation or a `when`
 * without remaining fields never matches.
 */

/** Conditions about HTTP in a rule, by the names of their fields and keys. */
export function httpParts(rule: unknown): string[] {
  const named = (list: string, inner: string, fields: readonly string[]) =>
    listAt(rule, list).flatMap((each) => fields.filter((field) => textsAt(each, inner, field).length > 0));
  const keys = listAt(rule, "when").flatMap((when) => textAt(when, "key") ?? []);
  return [
    ...new Set([
      ...named("to", "operation", httpOperations),
      ...named("from", "source", httpSources),
      ...keys.filter((key) => !layer4Keys.includes(key)),
    ]),
  ];
}

/** The values of a field, and the test of a single value. istiod drops values that it cannot parse. */
interface Values {
  values: readonly string[];
  notValues: readonly string[];
  test: (value: string) => Truth;
}

export function ztunnelRuleMatches(rule: unknown, policy: KubeObject, seen: Seen): Truth {
  if (actionOf(policy) !== "DENY" && httpParts(rule).length > 0) return false;
  const fields = fieldsFor(nameOf(policy).namespace, seen);
  const clause = (list: string, inner: string, names: readonly string[]): Truth[] => {
    const items = listAt(rule, list).map((each) => at(each, inner));
    const matchOf = (item: unknown) =>
      match(names.map((name) => fields(name, textsAt(item, name), textsAt(item, negationOf(name)))));
    return items.length === 0 ? [] : [anyOf(items.map(matchOf))];
  };
  const whens = listAt(rule, "when").map((when) => {
    const field = whenFields[textAt(when, "key") ?? ""];
    return field ? match([fields(field, textsAt(when, "values"), textsAt(when, "notValues"))]) : false;
  });
  return allOf([
    ...clause("to", "operation", ["ports"]),
    ...clause("from", "source", ["ipBlocks", "namespaces", "serviceAccounts", "principals"]),
    ...whens,
  ]);
}

const whenFields: Readonly<Record<string, string>> = {
  "source.ip": "ipBlocks",
  "source.namespace": "namespaces",
  "source.principal": "principals",
  "destination.ip": "destinationAddresses",
  "destination.port": "ports",
};

/** Each field has to match one of its values and none of its negated values. A match without fields never holds. */
function match(parts: readonly Values[]): Truth {
  const used = parts.filter(({ values, notValues }) => values.length + notValues.length > 0);
  if (used.length === 0) return false;
  return allOf(
    used.flatMap(({ values, notValues, test }) => [
      ...(values.length > 0 ? [anyOf(values.map(test))] : []),
      ...(notValues.length > 0 ? [opposite(anyOf(notValues.map(test)))] : []),
    ]),
  );
}

const isPort = (value: string): boolean => /^\d+$/.test(value) && Number(value) <= 65_535;
const isRange = (value: string): boolean => rangeOf(value) !== undefined;

const fieldsFor =
  (policyNamespace: string, { identity, port, addresses }: Seen) =>
  (name: string, values: readonly string[], notValues: readonly string[]): Values => {
    const text = identity ? principalText(identity) : undefined;
    const tests: Readonly<Record<string, [usable: (value: string) => boolean, test: (value: string) => Truth]>> = {
      ports: [isPort, (value) => Number(value) === port],
      ipBlocks: [isRange, () => unclear("the address that the request comes from is not known")],
      destinationAddresses: [isRange, (value) => isInRange(rangeOf(value), addresses)],
      principals: [() => true, (value) => text !== undefined && fits(text, value)],
      // Plain text has the empty namespace.
      namespaces: [() => true, (value) => fits(identity?.namespace ?? "", value)],
      serviceAccounts: [
        () => true,
        (value) => {
          const [first = "", second] = value.split(/\/(.*)/s);
          const [namespace, account] = second === undefined ? [policyNamespace, value] : [first, second];
          return identity?.namespace === namespace && identity.serviceAccount === account;
        },
      ],
    };
    const [usable, test] = tests[name] ?? [() => false, () => false];
    return { values: values.filter(usable), notValues: notValues.filter(usable), test };
  };
