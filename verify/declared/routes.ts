import { durationMs, gatewayName, inboundCluster, outboundCluster, serviceHost } from "../../config/vocabulary";
import { at, listAt, numberAt, textAt, textsAt } from "../json";
import type { KubeObject } from "../lab-client";
import type { RouteSummary } from "../proxy-config/envoy-dump";

/**
 * The routes that istiod generates from the stack's VirtualServices and HTTPRoutes, from its source (istio 1.31:
 * pilot/pkg/networking/core/route/route.go, pilot/pkg/config/kube/gateway/conversion.go). Unsupported fields are kept as text, so that no
 * route of a proxy is equal.
 */

/** A Service, or the host of a ServiceEntry, at its waypoint. */
interface Target {
  kind: string;
  name: string;
  namespace: string;
  host: string;
}

const plainRoute = (match: string, cluster: string): RouteSummary => ({ match, cluster });

/** The routes of a Service at its waypoint, in their order. */
export function routesAtWaypoint(objects: readonly KubeObject[], service: Target): RouteSummary[] {
  const own = inboundCluster(service.host);
  const virtual = objects.find(
    (each) =>
      each.kind === "VirtualService" &&
      textsAt(each, "spec", "hosts").some((host) => fullName(host, each.metadata?.namespace) === service.host),
  );
  if (virtual) {
    const routes = listAt(virtual, "spec", "http").map((http) => virtualRoute(http, service, own));
    // istiod drops routes after a route that matches all requests.
    const last = routes.findIndex(({ match }) => match === "prefix /");
    return last < 0 ? routes : routes.slice(0, last + 1);
  }
  const rules = objects
    .filter(({ kind }) => kind === "HTTPRoute")
    .filter((each) =>
      listAt(each, "spec", "parentRefs").some(
        (parent) =>
          textAt(parent, "kind") === service.kind &&
          textAt(parent, "name") === service.name &&
          (textAt(parent, "namespace") ?? each.metadata?.namespace) === service.namespace,
      ),
    )
    .flatMap((each) => listAt(each, "spec", "rules").flatMap((rule) => ruleRoutes(rule, each.metadata?.namespace)));
  return rules.length > 0 ? inOrder(rules) : [plainRoute("prefix /", own)];
}

/** A host by its short name is a Service of the namespace. */
const fullName = (host: string, namespace: string | undefined): string =>
  host.includes(".") ? host : serviceHost(host, namespace);

const otherFields = (value: unknown, keys: readonly string[]): string[] =>
  Object.entries(Object(value))
    .filter(([key]) => !keys.includes(key))
    .map(([key, item]) => `${key} ${JSON.stringify(item)}`);

function virtualRoute(http: unknown, service: Target, own: string): RouteSummary {
  const prefix = textAt(http, "match", 0, "uri", "prefix");
  const { delay, abort } = Object(at(http, "fault"));
  const destination = at(http, "route", 0, "destination");
  const host = fullName(textAt(destination, "host") ?? "", service.namespace);
  const attempts = numberAt(http, "retries", "attempts");
  const timeout = textAt(http, "timeout");
  const odd = [
    ...otherFields(http, ["match", "fault", "route", "timeout", "retries"]),
    ...(listAt(http, "route").length > 1 ? [`route ${JSON.stringify(at(http, "route"))}`] : []),
    ...(listAt(http, "match").length > 1 ? [`match ${JSON.stringify(at(http, "match"))}`] : []),
    ...otherFields(at(http, "match", 0), ["uri"]),
  ];
  return {
    match: `prefix ${prefix ?? "/"}`,
    cluster: host === service.host ? own : outboundCluster(host),
    ...(delay ? { fault: { delayMs: durationMs(textAt(delay, "fixedDelay") ?? ""), percent: percentOf(delay) } } : {}),
    ...(abort ? { abort: { status: numberAt(abort, "httpStatus") ?? 0, percent: percentOf(abort) } } : {}),
    ...(timeout ? { timeoutMs: durationMs(timeout) } : {}),
    ...(attempts === undefined
      ? {}
      : { retries: { attempts, on: attempts === 0 ? "" : (textAt(http, "retries", "retryOn") ?? "") } }),
    ...(odd.length > 0 ? { more: odd } : {}),
  };
}

const percentOf = (part: unknown): number => numberAt(part, "percentage", "value") ?? 0;

const pathKinds: Readonly<Record<string, string>> = { PathPrefix: "pathSeparatedPrefix", Exact: "path" };

/** A rule of an HTTPRoute: a route for each of its matches. */
function ruleRoutes(rule: unknown, namespace: string | undefined): RouteSummary[] {
  const matches = listAt(rule, "matches");
  const timeout = textAt(rule, "timeouts", "request");
  const filters = listAt(rule, "filters");
  const mirrors = filters.flatMap((filter) => {
    const backend = at(filter, "requestMirror", "backendRef");
    return backend ? [backendCluster(backend, namespace)] : [];
  });
  const redirect = filters.map((filter) => at(filter, "requestRedirect")).find((each) => each !== undefined);
  const odd = [
    ...otherFields(rule, ["matches", "timeouts", "filters", "backendRefs"]),
    ...filters.flatMap((filter) => otherFields(filter, ["type", "requestMirror", "requestRedirect"])),
  ];
  // istiod drops backends with weight 0, and omits the weight of a single backend.
  const backends = listAt(rule, "backendRefs")
    .map((ref) => ({ cluster: backendCluster(ref, namespace), weight: numberAt(ref, "weight") ?? 1 }))
    .filter(({ weight }) => weight > 0);
  const more = {
    ...(timeout ? { timeoutMs: durationMs(timeout) } : {}),
    ...(backends.length > 1 ? { weights: backends } : {}),
    ...(mirrors.length > 0 ? { mirrors } : {}),
    ...(odd.length > 0 ? { more: odd } : {}),
  };
  const cluster = redirect ? redirectText(redirect) : backends.length === 1 ? (backends[0]?.cluster ?? "-") : "-";
  return (matches.length > 0 ? matches : [{}]).map((match) => ({ match: matchText(match), cluster, ...more }));
}

/** istiod leaves out the port that is the default of the scheme (istio 1.31, pilot/pkg/networking/core/route/route.go). */
function redirectText(redirect: unknown): string {
  const [scheme, port] = [textAt(redirect, "scheme"), numberAt(redirect, "port")];
  const isDefault = (scheme === "https" && port === 443) || (scheme === "http" && port === 80);
  return `redirect to ${scheme ?? "the same scheme"}${port && !isDefault ? `, port ${port}` : ""}`;
}

const backendCluster = (ref: unknown, namespace: string | undefined): string =>
  outboundCluster(serviceHost(textAt(ref, "name") ?? "", textAt(ref, "namespace") ?? namespace));

function matchText(match: unknown): string {
  const [type, value] = [textAt(match, "path", "type") ?? "PathPrefix", textAt(match, "path", "value") ?? "/"];
  const path = type === "PathPrefix" && value === "/" ? "prefix /" : `${pathKinds[type] ?? type} ${value}`;
  const headers = listAt(match, "headers").map((header) => `${textAt(header, "name")}=${textAt(header, "value")}`);
  return [path, ...headers, ...otherFields(match, ["path", "headers"])].join(" ");
}

/** The order of the Gateway API: exact paths, longer prefixes, more headers; otherwise as declared (sortHTTPRoutes of istiod). */
function inOrder(routes: readonly RouteSummary[]): RouteSummary[] {
  const weight = ({ match }: RouteSummary): [number, number, number] => {
    const [kind = "", path = "", ...headers] = match.split(" ");
    return [kind === "path" ? 1 : 0, path.length, headers.length];
  };
  return [...routes].sort((a, b) => {
    const [x, y] = [weight(a), weight(b)];
    return y[0] - x[0] || y[1] - x[1] || y[2] - x[2];
  });
}

/** The routes that the gateway has for a host at one of its ports. */
export interface HostRoutes {
  port: number;
  host: string;
  routes: readonly RouteSummary[];
}

/** The ports and hosts of the gateway, by its listeners and the HTTPRoutes that are attached to them. */
export function routesAtGateway(objects: readonly KubeObject[]): { ports: number[]; hosts: HostRoutes[] } {
  const gateway = objects.find(({ kind, metadata }) => kind === "Gateway" && metadata?.name === gatewayName);
  const listeners = listAt(gateway, "spec", "listeners").map((listener) => ({
    name: textAt(listener, "name") ?? "",
    hostname: textAt(listener, "hostname") ?? "*",
    port: numberAt(listener, "port") ?? 0,
  }));
  const hosts = objects
    .filter(({ kind }) => kind === "HTTPRoute")
    .flatMap((route) =>
      listAt(route, "spec", "parentRefs")
        .filter(
          (parent) => (textAt(parent, "kind") ?? "Gateway") === "Gateway" && textAt(parent, "name") === gatewayName,
        )
        .flatMap((parent) => {
          const section = textAt(parent, "sectionName");
          return listeners
            .filter(({ name }) => section === undefined || section === name)
            .flatMap(({ hostname, port }) =>
              textsAt(route, "spec", "hostnames")
                .filter((host) => matchesHost(hostname, host))
                .map((host) => ({
                  ...{ port, host },
                  routes: inOrder(
                    listAt(route, "spec", "rules").flatMap((rule) => ruleRoutes(rule, route.metadata?.namespace)),
                  ),
                })),
            );
        }),
    );
  return { ports: [...new Set(listeners.map(({ port }) => port))], hosts };
}

/** Whether the host name of a listener matches a host. */
const matchesHost = (pattern: string, host: string): boolean =>
  pattern === "*" || (pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) : host === pattern);
