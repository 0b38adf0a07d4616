import { durationMs, serviceHost } from "../../../config/vocabulary";
import { at, entriesAt, listAt, numberAt, textAt, textsAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import type { Mesh, NamespacedName } from "../../types";
import { byAge, nameOf, objectOf, objectsOf, titleOf } from "../objects/mesh-objects";
import type { SeenHttp } from "../rules/seen";
import { allOf, opposite, type Truth, unclear } from "../rules/truth";
import { type Backend, type Fault, fitsExpression, headerOf, type Route, type RouteAction } from "./http-route";

/**
 * VirtualServices at a waypoint (istio 1.31, pilot/pkg/networking/core/listener_waypoint.go: getVirtualServiceForWaypoint and
 * waypointInboundRoute; pilot/pkg/networking/core/route/route.go: TranslateRoute).
 */

/** The VirtualServices that a waypoint has for a Service: of the namespace of one of them, and for the mesh. */
export function virtualServicesFor(mesh: Mesh, service: NamespacedName, waypoint: NamespacedName): KubeObject[] {
  const host = serviceHost(service.name, service.namespace);
  return byAge(objectsOf(mesh, "VirtualService")).filter((each) => {
    const { namespace } = nameOf(each);
    const gateways = textsAt(each, "spec", "gateways");
    return (
      [service.namespace, waypoint.namespace].includes(namespace) &&
      (gateways.length === 0 || gateways.includes("mesh")) &&
      isExported(each, waypoint.namespace) &&
      textsAt(each, "spec", "hosts").some((named) => hostMatches(fullHost(named, namespace), host))
    );
  });
}

function isExported(object: KubeObject, to: string): boolean {
  const exportTo = textsAt(object, "spec", "exportTo");
  return (
    exportTo.length === 0 ||
    exportTo.includes("*") ||
    exportTo.includes(to) ||
    (exportTo.includes(".") && nameOf(object).namespace === to)
  );
}

/** A host by its short name is a Service of the namespace. */
const fullHost = (host: string, namespace: string): string =>
  host.includes(".") || host === "*" ? host : serviceHost(host, namespace);

const hostMatches = (named: string, host: string): boolean =>
  named.startsWith("*") ? host.endsWith(named.slice(1)) : named === host;

/** Where a waypoint's routes are looked up. */
interface Place {
  port: number;
  waypoint: NamespacedName;
}

/** The routes of one VirtualService, without those after one for all requests. */
export function virtualRoutes(mesh: Mesh, object: KubeObject, http: SeenHttp, place: Place): Route[] {
  const routes: Route[] = [];
  for (const entry of listAt(object, "spec", "http")) {
    const fault = faultOf(at(entry, "fault"));
    const route = (matches: Truth): Route => ({
      ...{ of: titleOf(object), matches, action: actionOf(mesh, entry, object, http) },
      ...(fault ? { fault } : {}),
    });
    const matches = listAt(entry, "match");
    if (matches.length === 0) return [...routes, route(true)];
    routes.push(...matches.filter((match) => applies(match, place)).map((match) => route(matchOf(match, http))));
  }
  return routes;
}

/** A match by labels of the caller is left out at a waypoint; one by its namespace is compared with the waypoint's. */
function applies(match: unknown, { port, waypoint }: Place): boolean {
  const gateways = textsAt(match, "gateways");
  const from = textAt(match, "sourceNamespace") ?? "";
  return (
    entriesAt(match, "sourceLabels").length === 0 &&
    [undefined, 0, port].includes(numberAt(match, "port")) &&
    (gateways.length > 0 ? gateways.includes("mesh") : from === "" || from === waypoint.namespace)
  );
}

const known = [
  ...["name", "uri", "method", "authority", "scheme", "headers", "withoutHeaders", "queryParams", "ignoreUriCase"],
  ...["port", "gateways", "sourceLabels", "sourceNamespace", "statPrefix"],
];

function matchOf(match: unknown, http: SeenHttp): Truth {
  const odd = entriesAt(match).find(([key]) => !known.includes(key));
  if (odd) return unclear(`the match by ${odd[0]} is not understood here`);
  const { path } = http;
  const anyCase = at(match, "ignoreUriCase") === true;
  const uri = at(match, "uri");
  const ofPath = (): Truth => (typeof path === "string" ? stringMatches(uri, path, anyCase) : path);
  return allOf([
    uri === undefined || ofPath(),
    at(match, "method") === undefined || stringMatches(at(match, "method"), http.method),
    at(match, "authority") === undefined || stringMatches(at(match, "authority"), http.host),
    at(match, "scheme") === undefined || stringMatches(at(match, "scheme"), "http"),
    ...entriesAt(match, "headers").map(([name, matcher]) => headerMatches(name, matcher, http)),
    ...entriesAt(match, "withoutHeaders").map(([name, matcher]) => without(name, matcher, http)),
    // Requests are compared without a query.
    entriesAt(match, "queryParams").length === 0,
  ]);
}

/** A matcher without a text, or with the expression "*", matches any value. */
const isPresence = (matcher: unknown): boolean => entriesAt(matcher).length === 0 || textAt(matcher, "regex") === "*";

function headerMatches(name: string, matcher: unknown, http: SeenHttp): Truth {
  if (name.startsWith("@request.auth.claims")) return unclear("a match by claims of a token is not understood here");
  const text = headerOf(http, name);
  if (isPresence(matcher)) return text !== undefined;
  return text !== undefined && stringMatches(matcher, text);
}

/** A header that is not there is an empty one. */
function without(name: string, matcher: unknown, http: SeenHttp): Truth {
  if (name.startsWith("@request.auth.claims")) return unclear("a match by claims of a token is not understood here");
  const text = headerOf(http, name);
  return isPresence(matcher) ? text === undefined : opposite(stringMatches(matcher, text ?? ""));
}

function stringMatches(matcher: unknown, text: string, anyCase = false): Truth {
  const [exact, prefix, regex] = ["exact", "prefix", "regex"].map((key) => textAt(matcher, key));
  const fold = (value: string) => (anyCase ? value.toLowerCase() : value);
  if (exact !== undefined) return fold(text) === fold(exact);
  if (prefix !== undefined) return fold(text).startsWith(fold(prefix));
  return regex === undefined ? true : fitsExpression(text, regex);
}

function faultOf(fault: unknown): Fault | undefined {
  if (fault === undefined) return undefined;
  const [delay, abort] = [at(fault, "delay"), at(fault, "abort")];
  const percent = (part: unknown) => numberAt(part, "percentage", "value") ?? numberAt(part, "percent") ?? 0;
  const ms = durationMs(textAt(delay, "fixedDelay") ?? "0s");
  return {
    ...(delay === undefined || percent(delay) === 0 ? {} : { delay: { ms, percent: percent(delay) } }),
    ...(abort === undefined || percent(abort) === 0
      ? {}
      : { abort: { status: numberAt(abort, "httpStatus") ?? 0, percent: percent(abort) } }),
  };
}

function actionOf(mesh: Mesh, entry: unknown, object: KubeObject, http: SeenHttp): RouteAction {
  const title = titleOf(object);
  const redirect = at(entry, "redirect");
  if (redirect !== undefined) {
    const parts = ["scheme", "authority", "port", "uri"].flatMap((key) => at(redirect, key) ?? []);
    return { kind: "redirect", to: parts.join(" ") || "the same address" };
  }
  const direct = at(entry, "directResponse");
  if (direct !== undefined)
    return { kind: "answer", because: `${title} answers ${numberAt(direct, "status")} by itself` };
  if (at(entry, "delegate") !== undefined) return { kind: "unclear", reason: `${title} delegates to another` };
  const weighted = listAt(entry, "route").filter((each, _, all) => all.length === 1 || numberAt(each, "weight"));
  const found = weighted.map((each) => backendOf(at(each, "destination"), nameOf(object).namespace));
  const backends = found.flatMap((each) => each ?? []);
  if (backends.length < found.length)
    return { kind: "unclear", reason: `${title} leads to a host that is not a Service` };
  const lost = backends.find(({ service }) => !objectOf(mesh, "Service", service));
  return {
    kind: "send",
    backends: backends.filter(({ service }) => objectOf(mesh, "Service", service)),
    ...(lost
      ? { broken: `${title} leads to Service ${lost.service.namespace}/${lost.service.name}, which does not exist` }
      : {}),
    request: http,
  };
}

/** The Service that a destination names; undefined for another host. */
function backendOf(destination: unknown, namespace: string): Backend | undefined {
  const host = fullHost(textAt(destination, "host") ?? "", namespace);
  const [name, of, ...rest] = host.split(".");
  if (!name || !of || serviceHost(name, of) !== [name, of, ...rest].join(".")) return undefined;
  const [port, subset] = [numberAt(destination, "port", "number"), textAt(destination, "subset")];
  return {
    service: { namespace: of, name },
    ...(port === undefined ? {} : { port }),
    ...(subset === undefined ? {} : { subset }),
  };
}
