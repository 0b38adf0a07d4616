import { BlockList, isIP } from "node:net";
import { actionOf, quoted, wildcardOf } from "../../../verify/declared/authorization";
import { at, listAt, textAt, textsAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import { negationOf } from "../../../verify/proxy-config/condition";
import type { Mesh } from "../../types";
import { nameOf } from "../objects/mesh-objects";
import { fitsTemplate, isTemplate } from "./path-text";
import { type Identity, principalText, type Seen, type SeenHttp } from "./seen";
import { expandedDomains, withAliases } from "./trust-domains";
import { allOf, anyOf, fits, fitsInAnyCase, opposite, type Truth, unclear } from "./truth";

/**
 * Rules of AuthorizationPolicies at a gateway or a waypoint, from the source (istio 1.31, pilot/pkg/security/authz/model/model.go and
 * generator.go).
 */

/** A value that istiod cannot translate for a proxy: it drops an ALLOW rule with the value, and the value from a DENY rule. */
const unusable = Symbol("unusable");
type Tested = Truth | typeof unusable;

/** Tests a value of a key against a request. */
type Test = (value: string, seen: Seen, mesh: Mesh) => Tested;

interface Key {
  /** The test of a single value. */
  test: Test;
  /** The values that istiod generates from those of the policy. @default the same values */
  expand?: (values: readonly string[], mesh: Mesh) => string[];
}

/** A condition about HTTP, which istiod cannot translate for other ports. */
const http =
  (test: (value: string, http: SeenHttp) => Truth): Test =>
  (value, { http }) =>
    http ? test(value, http) : unusable;

const identity =
  (test: (text: string, value: string, identity: Identity) => boolean): Test =>
  (value, { identity }) =>
    identity !== undefined && test(principalText(identity), value, identity);

const hosts: Key = { test: http((value, { host }) => value === "*" || fitsInAnyCase(host, value)) };
const methods: Key = { test: http((value, { method }) => value === "*" || fits(method, value)) };
const ports: Key = {
  test: (value, { port }) => (/^\d+$/.test(value) && Number(value) <= 65_535 ? port === Number(value) : unusable),
};
const paths: Key = {
  test: http((value, { path }) => {
    if (typeof path !== "string") return path;
    return isTemplate(value) ? fitsTemplate(path, value) : fits(path, value);
  }),
};
const principals: Key = { test: identity(fits), expand: withAliases };
const namespaces: Key = {
  test: identity((text, value) => {
    const pattern = value.split("*").map(quoted).join(".*");
    return new RegExp(`^.*/ns/${pattern}/.*$`).test(`spiffe://${text}`);
  }),
};
const trustDomains: Key = {
  test: identity((_, value, { trustDomain }) => {
    if (value === "*") return true;
    // One wildcard, at any place of the value.
    const [before = "", after] = value.split(/\*(.*)/s);
    if (after === undefined) return trustDomain === value;
    return new RegExp(`^${quoted(before)}[^/]*${quoted(after)}$`).test(trustDomain);
  }),
  expand: expandedDomains,
};
const serviceAccounts = (policyNamespace: string): Key => ({
  test: identity((_, value, { namespace, serviceAccount }) => {
    const [account = "", of = policyNamespace] = value.split("/").reverse();
    return namespace === of && serviceAccount === account;
  }),
});

const addressUnknown = unclear("the address that the request comes from is not known");
const sourceAddresses: Key = { test: (value) => (rangeOf(value) ? addressUnknown : unusable) };

const destinationAddresses: Key = {
  test: (value, { addresses }) => {
    const range = rangeOf(value);
    return range ? isInRange(range, addresses) : unusable;
  },
};

/** Whether the addresses of a destination are in a range. */
export function isInRange(range: BlockList | undefined, addresses: readonly string[] = []): Truth {
  const [first, ...others] = addresses.map((each) => range?.check(each, isIP(each) === 6 ? "ipv6" : "ipv4") ?? false);
  if (first === undefined) return unclear("the address that the request is sent to is not known");
  if (others.every((each) => each === first)) return first;
  return unclear("the destination has addresses inside and outside of the range");
}

/** An address or a range of them; undefined for anything else. */
export function rangeOf(value: string): BlockList | undefined {
  const [address = "", length] = value.split("/");
  const family = isIP(address) === 6 ? "ipv6" : "ipv4";
  const bits = length === undefined ? (family === "ipv6" ? 128 : 32) : Number(length);
  if (isIP(address) === 0 || !Number.isInteger(bits) || bits < 0 || bits > (family === "ipv6" ? 128 : 32))
    return undefined;
  const range = new BlockList();
  range.addSubnet(address, bits, family);
  return range;
}

/** Requests are plain HTTP within HBONE, without SNI. */
const serverNames: Key = { test: (value) => fits("", value) };

/** A claim of a verified token: a text, or a list that contains it. */
const claimsAt =
  (path: readonly string[]): Test =>
  (value, { http: seen }) => {
    if (!seen) return unusable;
    const claim = at(seen.claims, ...path);
    const texts = (Array.isArray(claim) ? claim : [claim]).filter((each) => typeof each === "string");
    return texts.some((text) => fits(text, value));
  };

/** "issuer/subject" of a verified token; the issuer may have slashes itself. A wildcard is read at one end of the whole value. */
const requestPrincipals: Key = {
  test: http((value, { claims }) => {
    const [issuer, subject] = [textAt(claims, "iss"), textAt(claims, "sub")];
    if (issuer === undefined || subject === undefined) return false;
    const { how, text } = wildcardOf(value);
    if (how === "presence") return issuer !== "" && subject !== "";
    const slash = value.lastIndexOf("/");
    if (slash < 0) {
      if (how === "suffix") return issuer !== "" && subject.endsWith(text);
      if (how === "prefix") return issuer.startsWith(text) && subject !== "";
      return issuer === value && subject === "";
    }
    const [ofIssuer, ofSubject] = [value.slice(0, slash), value.slice(slash + 1)];
    if (how === "suffix") return fits(issuer, ofIssuer) && subject === ofSubject;
    if (how === "prefix") return issuer === ofIssuer && fits(subject, ofSubject);
    return issuer === ofIssuer && subject === ofSubject;
  }),
};

/** Headers that clients and proxies add: a request may have them although it does not name them. */
const setByOthers =
  /^(user-agent|accept|accept-encoding|connection|content-length|content-type|transfer-encoding|forwarded|via|traceparent|tracestate|baggage|b3|x-b3-.*|x-forwarded-.*|x-request-id|x-envoy-.*|x-istio-.*|x-real-ip)$/;

const headerAt = (name: string): Test =>
  http((value, seen) => {
    const key = name.toLowerCase();
    if (key === "host" || key === ":authority") return value === "*" || fits(seen.host, value);
    if (key === ":method") return value === "*" || fits(seen.method, value);
    if (key === ":path") return unclear("the header :path has the query, which is not known");
    const text = seen.headers[key];
    if (text !== undefined) return value === "*" || fits(text, value);
    if (key === "authorization" && seen.token)
      return ["*", "Bearer *"].includes(value) ? true : unclear("the text of the token is not known");
    return setByOthers.test(key) ? unclear(`clients and proxies set the header ${key} by themselves`) : false;
  });

/** Fields of a source, and of an operation. */
const sourceFields = (policyNamespace: string): Readonly<Record<string, Key>> => ({
  principals,
  requestPrincipals,
  namespaces,
  trustDomains,
  serviceAccounts: serviceAccounts(policyNamespace),
  ipBlocks: sourceAddresses,
  remoteIpBlocks: sourceAddresses,
});
const operationFields: Readonly<Record<string, Key>> = { hosts, methods, paths, ports };

/** Keys of `when`, apart from those with a name in brackets. */
const permissionKeys: Readonly<Record<string, Key>> = {
  "destination.ip": destinationAddresses,
  "destination.port": ports,
  "connection.sni": serverNames,
};
const principalKeys = (policyNamespace: string): Readonly<Record<string, Key>> => ({
  "source.ip": sourceAddresses,
  "remote.ip": sourceAddresses,
  "source.namespace": namespaces,
  "source.serviceAccount": serviceAccounts(policyNamespace),
  "source.trustDomain": trustDomains,
  "source.principal": principals,
  "request.auth.principal": requestPrincipals,
  "request.auth.audiences": { test: claimsAt(["aud"]) },
  "request.auth.presenter": { test: claimsAt(["azp"]) },
});

/** The key of a `when` condition; undefined for keys that istiod does not support. */
function whenKey(key: string, policyNamespace: string): Key | undefined {
  const header = /^request\.headers\[(.*)\]$/.exec(key)?.[1];
  if (header !== undefined) return { test: headerAt(header) };
  const claims = /^request\.auth\.claims\[(.*)\]$/.exec(key)?.[1];
  if (claims !== undefined) return { test: claimsAt(claims.split("][")) };
  // experimental.envoy.filters.*: metadata of Envoy's filters.
  if (key.startsWith("experimental.envoy.filters."))
    return { test: () => unclear(`the condition ${key} reads what a filter of Envoy wrote`) };
  return permissionKeys[key] ?? principalKeys(policyNamespace)[key];
}

/** Whether a rule of a policy matches a request at a gateway or waypoint. */
export function envoyRuleMatches(rule: unknown, policy: KubeObject, seen: Seen, mesh: Mesh): Truth {
  const { namespace } = nameOf(policy);
  const whens = listAt(rule, "when");
  // One unknown key makes istiod skip the rule.
  if (whens.some((when) => whenKey(textAt(when, "key") ?? "", namespace) === undefined)) return false;
  const parts: Tested[][] = [];
  const conditions = (values: readonly string[], notValues: readonly string[], key: Key): Tested[] => {
    const tested = [values, notValues].map((each) =>
      (key.expand?.(each, mesh) ?? each).map((value) => key.test(value, seen, mesh)),
    );
    parts.push(...tested);
    const [some = [], none = []] = tested.map((each) => each.filter((one): one is Truth => one !== unusable));
    return [...(some.length > 0 ? [anyOf(some)] : []), ...(none.length > 0 ? [opposite(anyOf(none))] : [])];
  };
  const fieldsHold = (value: unknown, fields: Readonly<Record<string, Key>>): Tested[] =>
    Object.entries(fields).flatMap(([name, key]) =>
      conditions(textsAt(value, name), textsAt(value, negationOf(name)), key),
    );
  const holds = (list: string, inner: string, fields: Readonly<Record<string, Key>>): Truth => {
    const items = listAt(rule, list).map((each) => at(each, inner));
    return items.length === 0
      ? true
      : anyOf(items.map((each) => allOf(fieldsHold(each, fields).filter((one): one is Truth => one !== unusable))));
  };
  const matched = allOf([
    holds("to", "operation", operationFields),
    holds("from", "source", sourceFields(namespace)),
    ...whens.flatMap((when) => {
      const key = whenKey(textAt(when, "key") ?? "", namespace);
      const tested = key ? conditions(textsAt(when, "values"), textsAt(when, "notValues"), key) : [];
      return tested.filter((one): one is Truth => one !== unusable);
    }),
  ]);
  const isAllow = actionOf(policy) === "ALLOW";
  return isAllow && parts.some((each) => each.includes(unusable)) ? false : matched;
}
