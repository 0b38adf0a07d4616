import { wildcardOf } from "../../../verify/declared/authorization";
import { at, entriesAt, listAt, textAt, textsAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import { negationOf } from "../../../verify/proxy-config/condition";
import type { AccessRequest, Mesh, Sender } from "../../types";
import { meshConfigOf } from "../objects/mesh-config";
import { objectOf, objectsOf } from "../objects/mesh-objects";
import { identitiesOf } from "../objects/waypoints";
import { envoyRuleMatches } from "../rules/envoy-rules";
import { isTemplate, normalPath } from "../rules/path-text";
import type { Identity } from "../rules/seen";
import type { Truth } from "../rules/truth";
import { type Place, senderKey } from "./places";

/** One source and one operation of a rule, with its conditions. */
export interface Alternative {
  source: unknown;
  operation: unknown;
  whens: readonly unknown[];
}

/** A property of requests: values that a rule matches, and neighbouring values that it does not match. */
export interface Dimension {
  inside: readonly Value[];
  outside: readonly Value[];
}

interface Value {
  /** The value in reasons, such as "method GET". */
  text: string;
  apply(request: AccessRequest): AccessRequest;
}

/** Maximum number of values of a dimension, on each side. */
const most = 6;

/** Whether a rule matches a request as it is written, wherever it is enforced. */
export function ruleOn(mesh: Mesh, policy: KubeObject, place: Place, rule: unknown): (request: AccessRequest) => Truth {
  return (request) => envoyRuleMatches(rule, policy, seenOf(mesh, place, request), mesh);
}

/** The dimensions that a source, an operation and conditions restrict, and always the sender. */
export function dimensionsOf(mesh: Mesh, policy: KubeObject, alternative: Alternative, place: Place): Dimension[] {
  const { source, operation, whens } = alternative;
  const matches = (rule: unknown) => (request: AccessRequest) => ruleOn(mesh, policy, place, rule)(request) === true;
  const ofOperation = (name: string, values: readonly Value[]): Dimension =>
    divided(values, place.request, matches({ to: [{ operation: picked(operation, name) }] }));
  const keys = whens.map((when) => textAt(when, "key") ?? "");
  const named = (name: string) => [...textsAt(operation, name), ...textsAt(operation, negationOf(name))];
  const ports = [...named("ports"), ...valuesOf(whens, "destination.port")].map(Number);
  const from = {
    from: [
      {
        source: Object.fromEntries(
          entriesAt(source).filter(([key]) => !/equestPrincipals|IpBlocks|ipBlocks/.test(key)),
        ),
      },
    ],
    when: whens.filter((when) =>
      /^source\.(namespace|principal|serviceAccount|trustDomain)$/.test(textAt(when, "key") ?? ""),
    ),
  };
  const used = entriesAt(from.from[0]?.source).length > 0 ? from : { when: from.when };
  return [
    divided(place.senders.map(senderValue), place.request, matches(used)),
    ofOperation("methods", named("methods").length > 0 ? methodValues(named("methods")) : []),
    ofOperation("paths", named("paths").flatMap(pathValues)),
    ofOperation(
      "hosts",
      named("hosts").flatMap((value) => hostValues(value, place.request.to.port)),
    ),
    ...(ports.length > 0
      ? [
          divided(
            place.ports.map(portValue),
            place.request,
            matches({
              to: [{ operation: picked(operation, "ports") }],
              when: whens.filter((when) => textAt(when, "key") === "destination.port"),
            }),
          ),
        ]
      : []),
    ...keys.flatMap((key, index): Dimension[] => {
      const header = /^request\.headers\[(.*)\]$/.exec(key)?.[1];
      const when = whens[index];
      if (header === undefined) return [];
      const texts = [...textsAt(when, "values"), ...textsAt(when, "notValues")];
      return [divided(headerValues(header.toLowerCase(), texts), place.request, matches({ when: [when] }))];
    }),
    ...claimDimension(mesh, source, whens, place.request, matches),
  ];
}

/** A field of a source or operation, and its negation. */
const picked = (value: unknown, name: string): unknown =>
  Object.fromEntries(entriesAt(value).filter(([key]) => key === name || key === negationOf(name)));

const valuesOf = (whens: readonly unknown[], key: string): string[] =>
  whens
    .filter((when) => textAt(when, "key") === key)
    .flatMap((when) => [...textsAt(when, "values"), ...textsAt(when, "notValues")]);

/** Values by whether a rule matches them. */
function divided(
  values: readonly Value[],
  request: AccessRequest,
  matches: (request: AccessRequest) => boolean,
): Dimension {
  const unique = [...new Map(values.map((value) => [value.text, value])).values()];
  const is = (value: Value) => matches(value.apply(request));
  return {
    inside: unique.filter(is).slice(0, most),
    outside: unique.filter((value) => !is(value)).slice(0, most),
  };
}

const senderValue = ({ from, host }: Place["senders"][number]): Value => ({
  text: senderKey(from),
  apply: (request) => ({ ...request, from, ...(host === undefined ? {} : { host }) }),
});

const methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];

/** The methods that a rule names, then the common ones: the first that the rule does not match is its nearest neighbour. */
function methodValues(named: readonly string[]): Value[] {
  const exact = named.filter((value) => wildcardOf(value).how === "exact");
  return [...exact, ...methods].map((method) => ({
    text: `method ${method}`,
    apply: (request) => ({ ...request, method }),
  }));
}

/** Paths that match a value, and their neighbours: with a further segment, with a further character, without the prefix. */
function pathValues(value: string): Value[] {
  return pathsNear(value).map((path) => ({ text: `path ${path}`, apply: (request) => ({ ...request, path }) }));
}

function pathsNear(value: string): string[] {
  if (isTemplate(value)) {
    const filled = (one: string, any: string) => value.replaceAll("{**}", any).replaceAll("{*}", one);
    const instance = filled("x", "x/y");
    const shorter = instance.replace(/\/[^/]*$/, "");
    return [instance, filled("x", "x"), filled("x/y", "x/y"), `${instance}/x`, shorter === "" ? "/" : shorter];
  }
  const { how, text } = wildcardOf(value);
  if (how === "presence") return ["/"];
  if (how === "suffix") return [`/x${text}`, `/x${text}x`, "/x"];
  const whole = text.startsWith("/") ? text : `/${text}`;
  const shorter = whole.slice(0, -1) || "/";
  if (how === "prefix") return [whole, `${whole}x`, shorter, "/"];
  return [whole, `${whole.replace(/\/$/, "")}/x`, `${whole}x`, shorter];
}

/** Hosts that match a value, and their neighbours: with the port, as clients send it, and with a further character. */
function hostValues(value: string, port: number): Value[] {
  const { how, text } = wildcardOf(value);
  const instance =
    how === "prefix" ? `${text}${text.endsWith(":") ? "80" : "x"}` : how === "suffix" ? `x${text}` : text;
  const near =
    how === "presence" ? [] : [instance, `${instance.replace(/:\d+$/, "")}:${port}`, `x${instance}`, `${instance}x`];
  return near.map((host) => ({ text: `host ${host}`, apply: (request) => ({ ...request, host }) }));
}

const portValue = (port: number): Value => ({
  text: `port ${port}`,
  apply: (request) => ({ ...request, to: { ...request.to, port } }),
});

function headerValues(name: string, values: readonly string[]): Value[] {
  const texts = values.flatMap((value) => {
    const instance = instanceOf(value);
    return [instance, `${instance}x`, `x${instance}`];
  });
  return [
    ...texts.map((text) => ({
      text: `header ${name}: ${text}`,
      apply: (request: AccessRequest) => ({ ...request, headers: { ...request.headers, [name]: text } }),
    })),
    {
      text: `a request without header ${name}`,
      apply: (request) => {
        const { [name]: _, ...headers } = request.headers;
        return { ...request, headers };
      },
    },
  ];
}

/** Tokens with the claims that a source and the conditions name, with another value of each, and a request without a token. */
function claimDimension(
  mesh: Mesh,
  source: unknown,
  whens: readonly unknown[],
  request: AccessRequest,
  matches: (rule: unknown) => (request: AccessRequest) => boolean,
): Dimension[] {
  const fields = picked(source, "requestPrincipals");
  const conditions = whens.filter((when) => /^request\.auth\./.test(textAt(when, "key") ?? ""));
  if (entriesAt(fields).length === 0 && conditions.length === 0) return [];
  const [rule] = objectsOf(mesh, "RequestAuthentication").flatMap((each) => listAt(each, "spec", "jwtRules"));
  const issuer = textAt(rule, "issuer") ?? "ambient-lab";
  const [audience] = textsAt(rule, "audiences");
  const base = { iss: issuer, sub: "ambient-lab", ...(audience === undefined ? {} : { aud: audience }) };
  const principals = [...textsAt(fields, "requestPrincipals"), ...textsAt(fields, "notRequestPrincipals")];
  const own = principals.length > 0 ? principals.map((value) => ({ ...base, ...ofPrincipal(value, base) })) : [base];
  const whole = own.map((claims) =>
    conditions.reduce<Record<string, unknown>>(
      (so, when) => withClaim(so, when, textsAt(when, "values")[0] ?? "x"),
      claims,
    ),
  );
  const others = conditions.flatMap((when) => {
    const [first] = whole;
    return first ? [withClaim(first, when, `${instanceOf(textsAt(when, "values")[0] ?? "x")}-other`)] : [];
  });
  const subjects =
    principals.length > 0 ? whole.map((claims) => ({ ...claims, sub: `${String(claims.sub)}-other` })) : [];
  const tokens = [...whole, ...others, ...subjects].map((claims) => ({
    text: `a token with ${JSON.stringify(claims)}`,
    apply: (each: AccessRequest) => ({ ...each, claims }),
  }));
  const none: Value = {
    text: "a request without a token",
    apply: ({ claims: _, ...rest }) => rest,
  };
  const from = entriesAt(fields).length > 0 ? { from: [{ source: fields }] } : {};
  return [divided([...tokens, none], request, matches({ ...from, when: conditions }))];
}

/** A text that matches a value with wildcards. */
function instanceOf(value: string): string {
  const { how, text } = wildcardOf(value);
  return how === "presence" ? "x" : how === "suffix" ? `x${text}` : how === "prefix" ? `${text}x` : text;
}

function ofPrincipal(value: string, base: { iss: string; sub: string }): { iss: string; sub: string } {
  const slash = value.lastIndexOf("/");
  if (value === "*" || slash < 0) return base;
  const [issuer, subject] = [value.slice(0, slash), value.slice(slash + 1)];
  return { iss: issuer === "*" ? base.iss : instanceOf(issuer), sub: instanceOf(subject) };
}

const claimNames: Readonly<Record<string, string>> = {
  "request.auth.audiences": "aud",
  "request.auth.presenter": "azp",
};

/** Claims with a value of a condition, at the path of the condition. */
function withClaim(claims: Readonly<Record<string, unknown>>, when: unknown, value: string): Record<string, unknown> {
  const key = textAt(when, "key") ?? "";
  const path = /^request\.auth\.claims\[(.*)\]$/.exec(key)?.[1]?.split("][") ?? [claimNames[key] ?? ""];
  const [first = "", ...rest] = path;
  if (first === "") return { ...claims };
  const nested = rest.reduceRight<unknown>((inner, step) => ({ [step]: inner }), instanceOf(value));
  const existing = at(claims, first);
  const merged = rest.length > 0 && typeof existing === "object" ? { ...existing, ...Object(nested) } : nested;
  return { ...claims, [first]: merged };
}

/** A request as a proxy sees it after it has verified the token. */
function seenOf(mesh: Mesh, { isGateway }: Place, { from, to, method, path, host, headers, claims }: AccessRequest) {
  const identity = isGateway ? undefined : identityOf(mesh, from);
  return {
    identity,
    port: to.port,
    http: {
      ...{ method, host, headers, path: normalPath(path, meshConfigOf(mesh).pathNormalization) },
      ...(claims ? { token: claims, claims } : {}),
    },
  };
}

/** The identity of a sender at a waypoint or a pod. */
function identityOf(mesh: Mesh, from: Sender): Identity | undefined {
  const { trustDomain } = mesh;
  if (from.kind === "workload")
    return from.inMesh ? { trustDomain, namespace: from.namespace, serviceAccount: from.serviceAccount } : undefined;
  const gateway = objectOf(mesh, "Gateway", from.gateway);
  return gateway && identitiesOf(mesh, gateway)[0];
}
