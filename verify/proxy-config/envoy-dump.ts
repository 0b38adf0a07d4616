import { z } from "zod";
import { at, entriesAt, listAt, numberAt, textAt, textsAt } from "../json";
import { abortOf, abortSchema, faultFilter, faultOf, faultSchema, percentOf } from "./envoy-filters";
import { rbacFilter, rbacRuleSchema, rulesOfFilter } from "./envoy-rbac";

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
  /** Whatever else the route says, as "field value"; fields that never change a request or its way are left out. */
  more: z.array(z.string()).readonly().optional(),
});

/** One route: the requests that it matches and the cluster that gets them. */
export type RouteSummary = z.infer<typeof routeSchema>;

const httpChainSchema = z.object({
  listener: z.string(),
  chain: z.string(),
  /** Names of the HTTP filters in their order; a network filter beside the connection manager comes before them, as "network NAME". */
  filters: z.array(z.string()).readonly(),
  rbac: z.array(rbacRuleSchema).readonly(),
  routes: z.array(routeSchema).readonly(),
  /** The filter that looks at tokens, as the proxy holds it. */
  tokens: z.unknown().optional(),
  /** What a connection must ask for to be served by the chain, and the TLS that it is served by, as the proxy holds them. */
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
  endpoints: z.array(z.object({ cluster: z.string(), targets: z.array(z.string()).readonly() })).readonly(),
});

/** Listeners, routes and endpoints of a proxy, as `istioctl proxy-config` shows them, in short. */
export type ProxySummary = z.infer<typeof proxySummarySchema>;

/** Reads Envoy's `/config_dump?include_eds`. */
export function parseEnvoyDump(raw: unknown): ProxySummary {
  const configs = listAt(camelCase(raw), "configs");
  const of = (type: string) => configs.filter((config) => textAt(config, "@type")?.endsWith(type));
  // Those of the bootstrap (static) serve probes and metrics, and nobody can change them by way of istiod.
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
      listAt(config, "dynamicEndpointConfigs").map((item) => ({
        cluster: textAt(item, "endpointConfig", "clusterName") ?? "",
        targets: listAt(item, "endpointConfig", "endpoints").flatMap((group) =>
          listAt(group, "lbEndpoints").map((endpoint) => addressOf(at(endpoint, "endpoint", "address"))),
        ),
      })),
    ),
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
      ...tokensOf(listAt(manager, "httpFilters")),
      downstream: {
        ...only("match", at(chain, "filterChainMatch")),
        ...only("socket", at(chain, "transportSocket")),
      },
    }));
}

/** Envoy's name of the filter that looks at tokens. */
export const tokenFilter = "envoy.filters.http.jwt_authn";

function tokensOf(filters: readonly unknown[]): { tokens?: unknown } {
  const [filter, ...more] = filters.filter(
    (each) =>
      textAt(each, "name") === tokenFilter || textAt(each, "typedConfig", "@type")?.endsWith(".JwtAuthentication"),
  );
  if (filter === undefined) return {};
  return { tokens: more.length > 0 ? { filters: [filter, ...more] } : (at(filter, "typedConfig") ?? {}) };
}

const only = (key: string, value: unknown) => (value === undefined ? {} : { [key]: value });

const isRbac = (filter: unknown): boolean => textAt(filter, "typedConfig", "@type")?.endsWith(".rbac.v3.RBAC") === true;

const configNotes = ["@type", "name", "validateClusters", "maxDirectResponseBodySizeBytes", "ignorePortInHostMatching"];
const hostNotes = ["name", "domains", "routes", "includeRequestAttemptCount"];

/** Host names of a route configuration, each with its routes; what configuration or host say for all routes is told of each. */
function hostsOf(config: unknown): { domains: string[]; routes: RouteSummary[] }[] {
  return listAt(config, "virtualHosts").map((host) => {
    const common = [...beside(config, [...configNotes, "virtualHosts"]), ...beside(host, hostNotes)];
    const routes = listAt(host, "routes").map(routeOf);
    const told = routes.map((route) => ({ ...route, more: [...(route.more ?? []), ...common] }));
    return { domains: textsAt(host, "domains"), routes: common.length > 0 ? told : routes };
  });
}

const matchKinds = ["prefix", "pathSeparatedPrefix", "path"];
/** Fields that never change a request or its way: names, statistics, and what a cluster that is missing answers. */
const routeNotes = ["name", "metadata", "decorator", "statPrefix"];
const actionNotes = ["maxGrpcTimeout", "clusterNotFoundResponseCode"];

function routeOf(route: unknown): RouteSummary {
  const fault = faultOf(route);
  const weights = listAt(route, "route", "weightedClusters", "clusters").map((item) => ({
    cluster: textAt(item, "name") ?? "",
    weight: numberAt(item, "weight") ?? 0,
  }));
  const [abort, timeoutMs, retries] = [abortOf(route), timeoutOf(route), retriesOf(route)];
  const mirrors = listAt(route, "route", "requestMirrorPolicies").map(mirrorOf);
  const more = [
    ...beside(route, [...routeNotes, "match", "route", "redirect", "directResponse", "typedPerFilterConfig"]),
    ...beside(at(route, "route"), [
      ...[...actionNotes, "cluster", "weightedClusters", "timeout", "retryPolicy", "requestMirrorPolicies"],
    ]),
    ...beside(at(route, "redirect"), ["httpsRedirect", "schemeRedirect", "portRedirect"]),
    ...beside(at(route, "typedPerFilterConfig"), [faultFilter]),
    ...beside(at(route, "typedPerFilterConfig", faultFilter), ["@type", "delay", "abort"]),
    ...weights.flatMap((_, index) =>
      beside(at(route, "route", "weightedClusters", "clusters", index), ["name", "weight"]),
    ),
  ];
  return {
    match: matchOf(route),
    cluster:
      textAt(route, "route", "cluster") ?? redirectOf(route) ?? (at(route, "directResponse") ? answerOf(route) : "-"),
    ...(fault ? { fault } : {}),
    ...(abort ? { abort } : {}),
    ...(timeoutMs ? { timeoutMs } : {}),
    ...(retries ? { retries } : {}),
    ...(weights.length > 0 ? { weights } : {}),
    ...(mirrors.length > 0 ? { mirrors } : {}),
    ...(more.length > 0 ? { more } : {}),
  };
}

function matchOf(route: unknown): string {
  const match = at(route, "match");
  const kind = matchKinds.find((key) => textAt(match, key) !== undefined);
  const headers = listAt(match, "headers").map((header) => {
    const exact = textAt(header, "stringMatch", "exact");
    const plain = exact !== undefined && beside(header, ["name", "stringMatch"]).length === 0;
    return plain ? `${textAt(header, "name")}=${exact}` : `header ${JSON.stringify(header)}`;
  });
  const odd = beside(match, [...(kind ? [kind] : []), "headers", "caseSensitive"]);
  return [kind ? `${kind} ${textAt(match, kind)}` : "any", ...headers, ...odd].join(" ");
}

function mirrorOf(policy: unknown): string {
  const share = at(policy, "runtimeFraction", "defaultValue");
  const percent = share === undefined ? 100 : percentOf(share);
  return `${textAt(policy, "cluster")}${percent === 100 ? "" : ` (${percent} %)`}`;
}

const answerOf = (route: unknown): string => `answer ${numberAt(route, "directResponse", "status")}`;

/** Fields of an object beside those that are read elsewhere, as "field value"; without those that are empty. */
const beside = (value: unknown, known: readonly string[]): string[] =>
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

function timeoutOf(route: unknown): number {
  const seconds = Number.parseFloat(textAt(route, "route", "timeout") ?? "0");
  return Math.round(seconds * 1000);
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
  return port === undefined ? "internal" : `${textAt(address, "socketAddress", "address")}:${port}`;
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
