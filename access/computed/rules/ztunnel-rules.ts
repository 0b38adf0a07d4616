import { isIP } from "node:net";
import { actionOf, httpOperations, httpSources, layer4Keys } from "../../../verify/declared/authorization";
import { at, listAt, textAt, textsAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import { nameOf } from "../objects/mesh-objects";
import { rangeOf } from "./envoy-rules";
import { principalText, type Seen } from "./seen";
import { fits } from "./text";
import { allOf, anyOf, opposite, type Truth, unclear } from "./truth";

/**
 * Rules of AuthorizationPolicies at ztunnel: what istiod sends (istio 1.31, pilot/pkg/serviceregistry/ambient/authorization.go: handleRule),
 * and how ztunnel reads it (ztunnel 1.31, src/rbac.rs: Authorization::matches). ztunnel reads no HTTP. An ALLOW rule with a condition about
 * HTTP is left out. In a DENY rule such a condition is taken out; a source, an operation or a `when` that has nothing left never matches.
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

/** One kind of values of a match, with the test of one of them. Values that istiod cannot read are not sent. */
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
      match(names.map((name) => fields(name, textsAt(item, name), textsAt(item, notField(name)))));
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

const notField = (name: string): string => `not${name.charAt(0).toUpperCase()}${name.slice(1)}`;

const whenFields: Readonly<Record<string, string>> = {
  "source.ip": "ipBlocks",
  "source.namespace": "namespaces",
  "source.principal": "principals",
  "destination.ip": "destinationAddresses",
  "destination.port": "ports",
};

/** All kinds of values hold, each by one of its values and none of the negated ones; a match without any never holds. */
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
      destinationAddresses: [isRange, (value) => insideOf(value, addresses)],
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

function insideOf(value: string, addresses: readonly string[] | undefined): Truth {
  const range = rangeOf(value);
  const inside = addresses?.map((address) => range?.check(address, isIP(address) === 6 ? "ipv6" : "ipv4") ?? false);
  if (inside === undefined || inside.length === 0) return unclear("the pod has no address yet");
  return inside.every((each) => each === inside[0])
    ? (inside[0] ?? false)
    : unclear("the pod has addresses inside and outside of the range");
}
