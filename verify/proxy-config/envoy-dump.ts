import { z } from "zod";
import { at, entriesAt, listAt, numberAt, textAt, textsAt } from "../json";
import { abortOf, abortSchema, faultOf, faultSchema, rbacRuleSchema, rbacRules } from "./envoy-filters";

const routeSchema = z.object({
  match: z.string(),
  cluster: z.string(),
  fault: faultSchema.optional(),
  abort: abortSchema.optional(),
  /** Request timeout of the route; absent when it has none. */
  timeoutMs: z.number().optional(),
  /** Absent for Istio's default policy, which retries only requests that no application received. */
  retries: z.object({ attempts: z.number(), on: z.string() }).optional(),
  /** Clusters that share the requests, each with its weight. */
  weights: z
    .array(z.object({ cluster: z.string(), weight: z.number() }))
    .readonly()
    .optional(),
  /** Clusters that get a copy of each request. */
  mirrors: z.array(z.string()).readonly().optional(),
});

/** One route: the requests that it matches and the cluster that gets them. */
export type RouteSummary = z.infer<typeof routeSchema>;

const httpChainSchema = z.object({
  listener: z.string(),
  chain: z.string(),
  /** Names of the HTTP filters in their order. */
  filters: z.array(z.string()).readonly(),
  rbac: z.array(rbacRuleSchema).readonly(),
  routes: z.array(routeSchema).readonly(),
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
  const listeners = of("ListenersConfigDump").flatMap((config) => [
    ...listAt(config, "staticListeners").map((item) => at(item, "listener")),
    ...listAt(config, "dynamicListeners").map((item) => at(item, "activeState", "listener")),
  ]);
  const named = listeners.filter((listener) => textAt(listener, "name") !== undefined);
  return {
    listeners: named.map((listener) => ({
      name: textAt(listener, "name") ?? "",
      address: addressOf(at(listener, "address")),
      chains: listAt(listener, "filterChains").map((chain) => textAt(chain, "name") ?? "-"),
    })),
    http: named.flatMap((listener) =>
      listAt(listener, "filterChains").flatMap((chain) => httpChain(textAt(listener, "name") ?? "", chain)),
    ),
    hosts: of("RoutesConfigDump").flatMap((config) =>
      [...listAt(config, "dynamicRouteConfigs"), ...listAt(config, "staticRouteConfigs")].flatMap((item) =>
        listAt(item, "routeConfig", "virtualHosts").map((host) => ({
          config: textAt(item, "routeConfig", "name") ?? "",
          domains: textsAt(host, "domains"),
          routes: listAt(host, "routes").map(routeOf),
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

function httpChain(listener: string, chain: unknown): HttpChain[] {
  return listAt(chain, "filters")
    .map((filter) => at(filter, "typedConfig"))
    .filter((config) => textAt(config, "@type")?.endsWith("HttpConnectionManager"))
    .map((manager) => ({
      listener,
      chain: textAt(chain, "name") ?? "-",
      filters: listAt(manager, "httpFilters").map((filter) => textAt(filter, "name") ?? ""),
      rbac: rbacRules(listAt(manager, "httpFilters")),
      routes: listAt(manager, "routeConfig", "virtualHosts").flatMap((host) => listAt(host, "routes").map(routeOf)),
    }));
}

function routeOf(route: unknown): RouteSummary {
  const match = entriesAt(route, "match").find(([, value]) => typeof value === "string");
  const headers = listAt(route, "match", "headers").map(
    (header) => `${textAt(header, "name")}=${textAt(header, "stringMatch", "exact") ?? "*"}`,
  );
  const fault = faultOf(route);
  const weights = listAt(route, "route", "weightedClusters", "clusters").map((item) => ({
    cluster: textAt(item, "name") ?? "",
    weight: numberAt(item, "weight") ?? 0,
  }));
  const [abort, timeoutMs, retries] = [abortOf(route), timeoutOf(route), retriesOf(route)];
  const mirrors = listAt(route, "route", "requestMirrorPolicies").map((item) => textAt(item, "cluster") ?? "");
  return {
    match: [match ? `${match[0]} ${match[1]}` : "any", ...headers].join(" "),
    cluster:
      textAt(route, "route", "cluster") ?? redirectOf(route) ?? (at(route, "directResponse") ? "direct response" : "-"),
    ...(fault ? { fault } : {}),
    ...(abort ? { abort } : {}),
    ...(timeoutMs ? { timeoutMs } : {}),
    ...(retries ? { retries } : {}),
    ...(weights.length > 0 ? { weights } : {}),
    ...(mirrors.length > 0 ? { mirrors } : {}),
  };
}

function redirectOf(route: unknown): string | undefined {
  const redirect = at(route, "redirect");
  if (redirect === undefined) return undefined;
  return `redirect to ${at(redirect, "httpsRedirect") === true ? "https" : (textAt(redirect, "schemeRedirect") ?? "the same scheme")}`;
}

function timeoutOf(route: unknown): number {
  const seconds = Number.parseFloat(textAt(route, "route", "timeout") ?? "0");
  return Math.round(seconds * 1000);
}

function retriesOf(route: unknown): RouteSummary["retries"] {
  const policy = at(route, "route", "retryPolicy");
  const on = textAt(policy, "retryOn");
  if (on === undefined || on.startsWith("connect-failure,")) return undefined;
  return { attempts: numberAt(policy, "numRetries") ?? 1, on };
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
