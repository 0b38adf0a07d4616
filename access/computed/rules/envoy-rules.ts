import { BlockList, isIP } from "node:net";
import { actionOf, quoted, wildcardOf } from "../../../verify/declared/authorization";
import { at, listAt, textAt, textsAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import type { Mesh } from "../../types";
import { nameOf } from "../objects/mesh-objects";
import { fitsTemplate, isTemplate } from "./path-text";
import { type Identity, principalText, type Seen, type SeenHttp } from "./seen";
import { fits, fitsInAnyCase } from "./text";
import { expandedDomains, withAliases } from "./trust-domains";
import { allOf, anyOf, opposite, type Truth, unclear } from "./truth";

/**
 * Rules of AuthorizationPolicies at a gateway or a waypoint, from the source (istio 1.31, pilot/pkg/security/authz/model/model.go and
 * generator.go).
 */

/** A value that istiod cannot write for a proxy: an ALLOW rule with it is left out, a DENY rule loses the value. */
const unusable = Symbol("unusable");
type Tested = Truth | typeof unusable;

/** Tests one value of a key against what was seen. */
type Test = (value: string, seen: Seen, mesh: Mesh) => Tested;

interface Key {
  /** What one value means. */
  test: Test;
  /** The values that the proxy gets for those of the policy. @default as they are */
  expand?: (values: readonly string[], mesh: Mesh) => string[];
}

/** A condition about HTTP: it cannot be written for a port that is not HTTP. */
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
    // The wildcard stands anywhere in the value, once.
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
    if (!range) return unusable;
    if (!addresses || addresses.length === 0) return unclear("the address that the request is sent to is not known");
    const inside = addresses.map((address) => range.check(address, isIP(address) === 6 ? "ipv6" : "ipv4"));
    if (inside.every((each) => each === inside[0])) return inside[0] ?? false;
    return unclear("the destination has addresses inside and outside of the range");
  },
};

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

/** Requests of the matrix are plain HTTP inside the mesh's own tunnels: they name no server by SNI. */
const serverNames: Key = { test: (value) => fits("", value) };

/** A claim of a verified token: a text, or a list that has it. */
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

/** Headers that clients and proxies set by themselves: a request may have them although it does not name them. */
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

/** The key of a `when` condition; undefined for one that istiod does not know. */
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

/** Whether a rule of a policy matches at a proxy that has the policy. */
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
      conditions(textsAt(value, name), textsAt(value, `not${name.charAt(0).toUpperCase()}${name.slice(1)}`), key),
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
