import { z } from "zod";
import { at, entriesAt, listAt, numberAt, textAt, textsAt } from "../json";
import { hostPort } from "../pods";
import { rbacFilter, rbacRuleSchema, rulesOfFilter } from "./envoy-rbac";

/** Envoy's name of the filter that delays and aborts requests. */
export const faultFilter = "envoy.filters.http.fault";

/** The delay of a route, and its answer instead of the application. */
const faultSchema = z.object({ delayMs: z.number(), percent: z.number() });
const abortSchema = z.object({ status: z.number(), percent: z.number() });

const routeSchema = z.object({
  match: z.string(),
  cluster: z.string(),
  fault: faultSchema.optional(),
  abort: abortSchema.optional(),
  /** Request timeout of the route; absent when it has none. */
  timeoutMs: z.number().optional(),
  /** Absent for Istio's default policy, which retries only requests that no application received; 0 attempts where there is no policy. */
  retries: z.object({ attempts: z.number(), on: z.string() }).optional(),
  /** Clusters that share the requests, each with its weight. */
  weights: z
    .array(z.object({ cluster: z.string(), weight: z.number() }))
    .readonly()
    .optional(),
  /** Clusters that get a copy of each request. */
  mirrors: z.array(z.string()).readonly().optional(),
  /** Further fields of the route, as "field value", without those that change neither the request nor its destination. */
  more: z.array(z.string()).readonly().optional(),
});

/** One route: the requests that it matches and the cluster that gets them. */
export type RouteSummary = z.infer<typeof routeSchema>;

const httpChainSchema = z.object({
  listener: z.string(),
  chain: z.string(),
  /** Names of the HTTP filters in their order, after the names of further network filters as "network NAME". */
  filters: z.array(z.string()).readonly(),
  rbac: z.array(rbacRuleSchema).readonly(),
  routes: z.array(routeSchema).readonly(),
  /** Configuration of the filter that verifies tokens. */
  tokens: z.unknown().optional(),
  /** Which connections the chain serves (`filterChainMatch`), and its TLS (`transportSocket`). */
  downstream: z.object({ match: z.unknown().optional(), socket: z.unknown().optional() }).default({}),
});

/** One filter chain of a listener that has an HTTP connection manager. */
export type HttpChain = z.infer<typeof httpChainSchema>;

export const proxySummarySchema = z.object({
  listeners: z
    .array(z.object({ name: z.string(), address: z.string(), chains: z.array(z.string()).readonly() }))
    .readonly(),
  http: z.array(httpChainSchema).readonly(),
  /** Routes by RDS: host names and the clusters behind them. */
  hosts: z
    .array(
      z.object({
        config: z.string(),
        domains: z.array(z.string()).readonly(),
        routes: z.array(routeSchema).readonly(),
      }),
    )
    .readonly(),
  endpoints: z
    .array(
      z.object({
        cluster: z.string(),
        /** Addresses that get requests. */
        targets: z.array(z.string()).readonly(),
        /** Addresses that get none, because their health status is unhealthy; absent when there are none. */
        unhealthy: z.array(z.string()).readonly().optional(),
      }),
    )
    .readonly(),
});

/** Listeners, routes and endpoints of a proxy, as `istioctl proxy-config` shows them, in short. */
export type ProxySummary = z.infer<typeof proxySummarySchema>;

/** Reads Envoy's `/config_dump?include_eds`. */
export function parseEnvoyDump(raw: unknown): ProxySummary {
  const configs = listAt(camelCase(raw), "configs");
  const of = (type: string) => configs.filter((config) => textAt(config, "@type")?.endsWith(type));
  // Static listeners, from the bootstrap, serve probes and metrics; istiod does not configure them.
  const listeners = of("ListenersConfigDump").flatMap((config) =>
    listAt(config, "dynamicListeners").map((item) => at(item, "activeState", "listener")),
  );
  const named = listeners.filter((listener) => textAt(listener, "name") !== undefined);
  return {
    listeners: named.map((listener) => ({
      name: textAt(listener, "name") ?? "",
      address: addressOf(at(listener, "address")),
      chains: chainsOf(listener).map((chain) => textAt(chain, "name") ?? "-"),
    })),
    http: named.flatMap((listener) =>
      chainsOf(listener).flatMap((chain) => httpChain(textAt(listener, "name") ?? "", chain)),
    ),
    hosts: of("RoutesConfigDump").flatMap((config) =>
      listAt(config, "dynamicRouteConfigs").flatMap((item) =>
        hostsOf(at(item, "routeConfig")).map((host) => ({
          config: textAt(item, "routeConfig", "name") ?? "",
          ...host,
        })),
      ),
    ),
    endpoints: of("EndpointsConfigDump").flatMap((config) =>
      listAt(config, "dynamicEndpointConfigs").map((item) => endpointsOf(at(item, "endpointConfig"))),
    ),
  };
}

/** Envoy reports each address as healthy, degraded or unhealthy (source/server/admin/config_dump_handler.cc, addLbEndpoint). */
function endpointsOf(assignment: unknown): ProxySummary["endpoints"][number] {
  const all = listAt(assignment, "endpoints").flatMap((group) => listAt(group, "lbEndpoints"));
  const isUnhealthy = (endpoint: unknown) => textAt(endpoint, "healthStatus") === "UNHEALTHY";
  const addresses = (some: readonly unknown[]) => some.map((each) => addressOf(at(each, "endpoint", "address")));
  const unhealthy = addresses(all.filter(isUnhealthy));
  return {
    cluster: textAt(assignment, "clusterName") ?? "",
    targets: addresses(all.filter((each) => !isUnhealthy(each))),
    ...(unhealthy.length > 0 ? { unhealthy } : {}),
  };
}

const chainsOf = (listener: unknown): readonly unknown[] => [
  ...listAt(listener, "filterChains"),
  ...[at(listener, "defaultFilterChain")].filter((chain) => chain !== undefined),
];

function httpChain(listener: string, chain: unknown): HttpChain[] {
  const isManager = (filter: unknown) =>
    textAt(filter, "typedConfig", "@type")?.endsWith("HttpConnectionManager") === true;
  const filters = listAt(chain, "filters");
  const others = filters.filter((filter) => !isManager(filter)).map((filter) => `network ${textAt(filter, "name")}`);
  return filters
    .filter(isManager)
    .map((filter) => at(filter, "typedConfig"))
    .map((manager) => ({
      listener,
      chain: textAt(chain, "name") ?? "-",
      filters: [...others, ...listAt(manager, "httpFilters").map((each) => textAt(each, "name") ?? "")],
      rbac: listAt(manager, "httpFilters")
        .filter((each) => textAt(each, "name") === rbacFilter || isRbac(each))
        .flatMap((each) => rulesOfFilter(at(each, "typedConfig"))),
      routes: hostsOf(at(manager, "routeConfig")).flatMap(({ routes }) => routes),
      tokens: tokensOf(listAt(manager, "httpFilters")),
      downstream: { match: at(chain, "filterChainMatch"), socket: at(chain, "transportSocket") },
    }));
}

/** Envoy's name of the filter that verifies tokens. */
export const tokenFilter = "envoy.filters.http.jwt_authn";

function tokensOf(filters: readonly unknown[]): unknown {
  const [filter, ...more] = filters.filter(
    (each) =>
      textAt(each, "name") === tokenFilter || textAt(each, "typedConfig", "@type")?.endsWith(".JwtAuthentication"),
  );
  if (filter === undefined) return undefined;
  return more.length > 0 ? { filters: [filter, ...more] } : (at(filter, "typedConfig") ?? {});
}

const isRbac = (filter: unknown): boolean => textAt(filter, "typedConfig", "@type")?.endsWith(".rbac.v3.RBAC") === true;

const ignoredConfigFields = [
  "@type",
  "name",
  "validateClusters",
  "maxDirectResponseBodySizeBytes",
  "ignorePortInHostMatching",
];
const ignoredHostFields = ["name", "domains", "routes", "includeRequestAttemptCount"];

/** Host names of a route configuration, with their routes. Fields of the configuration or the host are added to each route. */
function hostsOf(config: unknown): { domains: string[]; routes: RouteSummary[] }[] {
  return listAt(config, "virtualHosts").map((host) => {
    const common = [
      ...otherFields(config, [...ignoredConfigFields, "virtualHosts"]),
      ...otherFields(host, ignoredHostFields),
    ];
    const routes = listAt(host, "routes").map(routeOf);
    const complete = routes.map((route) => ({ ...route, more: [...(route.more ?? []), ...common] }));
    return { domains: textsAt(host, "domains"), routes: common.length > 0 ? complete : routes };
  });
}

const matchKinds = ["prefix", "pathSeparatedPrefix", "path"];
/** Fields that change neither the request nor its destination: names, statistics, the status for a missing cluster. */
const ignoredRouteFields = ["name", "metadata", "decorator", "statPrefix"];
const ignoredActionFields = ["maxGrpcTimeout", "clusterNotFoundResponseCode"];

function routeOf(route: unknown): RouteSummary {
  const weights = listAt(route, "route", "weightedClusters", "clusters").map((item) => ({
    cluster: textAt(item, "name") ?? "",
    weight: numberAt(item, "weight") ?? 0,
  }));
  const mirrors = listAt(route, "route", "requestMirrorPolicies").map(mirrorOf);
  const more = [
    ...otherFields(route, [
      ...ignoredRouteFields,
      "match",
      "route",
      "redirect",
      "directResponse",
      "typedPerFilterConfig",
    ]),
    ...otherFields(at(route, "route"), [
      ...[...ignoredActionFields, "cluster", "weightedClusters", "timeout", "retryPolicy", "requestMirrorPolicies"],
    ]),
    ...otherFields(at(route, "redirect"), ["httpsRedirect", "schemeRedirect", "portRedirect"]),
    ...otherFields(at(route, "typedPerFilterConfig"), [faultFilter]),
    ...otherFields(at(route, "typedPerFilterConfig", faultFilter), ["@type", "delay", "abort"]),
    ...weights.flatMap((_, index) =>
      otherFields(at(route, "route", "weightedClusters", "clusters", index), ["name", "weight"]),
    ),
  ];
  return {
    match: matchOf(route),
    cluster:
      textAt(route, "route", "cluster") ?? redirectOf(route) ?? (at(route, "directResponse") ? answerOf(route) : "-"),
    ...{ fault: faultOf(route), abort: abortOf(route), timeoutMs: timeoutOf(route), retries: retriesOf(route) },
    weights: weights.length > 0 ? weights : undefined,
    mirrors: mirrors.length > 0 ? mirrors : undefined,
    more: more.length > 0 ? more : undefined,
  };
}

function matchOf(route: unknown): string {
  const match = at(route, "match");
  const kind = matchKinds.find((key) => textAt(match, key) !== undefined);
  const headers = listAt(match, "headers").map((header) => {
    const exact = textAt(header, "stringMatch", "exact");
    const plain = exact !== undefined && otherFields(header, ["name", "stringMatch"]).length === 0;
    return plain ? `${textAt(header, "name")}=${exact}` : `header ${JSON.stringify(header)}`;
  });
  const odd = otherFields(match, [...(kind ? [kind] : []), "headers", "caseSensitive"]);
  return [kind ? `${kind} ${textAt(match, kind)}` : "any", ...headers, ...odd].join(" ");
}

function mirrorOf(policy: unknown): string {
  const share = at(policy, "runtimeFraction", "defaultValue");
  const percent = share === undefined ? 100 : percentOf(share);
  return `${textAt(policy, "cluster")}${percent === 100 ? "" : ` (${percent} %)`}`;
}

const answerOf = (route: unknown): string => `answer ${numberAt(route, "directResponse", "status")}`;

/** Fields of an object other than the known ones, as "field value", without empty ones. */
const otherFields = (value: unknown, known: readonly string[]): string[] =>
  entriesAt(value)
    .filter(([key, item]) => !known.includes(key) && item !== "")
    .map(([key, item]) => `${key} ${JSON.stringify(item)}`);

function redirectOf(route: unknown): string | undefined {
  const redirect = at(route, "redirect");
  if (redirect === undefined) return undefined;
  const scheme = at(redirect, "httpsRedirect") === true ? "https" : textAt(redirect, "schemeRedirect");
  const port = numberAt(redirect, "portRedirect");
  return `redirect to ${scheme ?? "the same scheme"}${port ? `, port ${port}` : ""}`;
}

function timeoutOf(route: unknown): number | undefined {
  const seconds = Number.parseFloat(textAt(route, "route", "timeout") ?? "0");
  return Math.round(seconds * 1000) || undefined;
}

function retriesOf(route: unknown): RouteSummary["retries"] {
  if (at(route, "route") === undefined) return undefined;
  const policy = at(route, "route", "retryPolicy");
  const on = textAt(policy, "retryOn");
  if (on === undefined) return { attempts: 0, on: "" };
  return on.startsWith("connect-failure,") ? undefined : { attempts: numberAt(policy, "numRetries") ?? 1, on };
}

function addressOf(address: unknown): string {
  const internal = at(address, "envoyInternalAddress");
  if (internal) {
    const [name, id] = [textAt(internal, "serverListenerName"), textAt(internal, "endpointId")];
    return `envoy://${name ?? ""}/${id ?? ""}`;
  }
  const port = numberAt(address, "socketAddress", "portValue");
  return port === undefined ? "internal" : hostPort(textAt(address, "socketAddress", "address") ?? "", port);
}

/** Envoy writes snake_case, istioctl camelCase; keys that are names (of policies, of filters) stay as they are. */
export function camelCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelCase);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      /^[a-z0-9]+(_[a-z0-9]+)+$/.test(key)
        ? key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
        : key,
      camelCase(item),
    ]),
  );
}

function abortOf(route: unknown): z.infer<typeof abortSchema> | undefined {
  const abort = at(route, "typedPerFilterConfig", faultFilter, "abort");
  const status = numberAt(abort, "httpStatus");
  return status === undefined ? undefined : { status, percent: percentOf(at(abort, "percentage")) };
}

function faultOf(route: unknown): z.infer<typeof faultSchema> | undefined {
  const delay = at(route, "typedPerFilterConfig", faultFilter, "delay");
  const seconds = /^(\d+(?:\.\d+)?)s$/.exec(textAt(delay, "fixedDelay") ?? "")?.[1];
  if (seconds === undefined) return undefined;
  return { delayMs: Math.round(Number(seconds) * 1000), percent: percentOf(at(delay, "percentage")) };
}

/** A share of requests in percent (envoy/type/v3/percent.proto). */
function percentOf(fraction: unknown): number {
  const parts = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 };
  const denominator = textAt(fraction, "denominator");
  const per = denominator === "MILLION" || denominator === "TEN_THOUSAND" ? parts[denominator] : parts.HUNDRED;
  return ((numberAt(fraction, "numerator") ?? 0) / per) * 100;
}
