import { inboundCluster, labelKeys, ports, serviceHost, waypointName } from "../../config/vocabulary";
import type { ConfigPart } from "../../experiments/check-detail";
import { hostOf, waypointAt, waypoints } from "../../experiments/names";
import type { ServiceName, WaypointName } from "../../experiments/slices";
import type { VerifyContext } from "../context";
import { downstreamsOf } from "../declared/downstream-tls";
import { routesAtGateway, routesAtWaypoint } from "../declared/routes";
import { listAt, numberAt, sameJson } from "../json";
import type { KubeObject } from "../lab-client";
import { PreconditionError } from "../precondition-error";
import type { HttpChain, ProxySummary, RouteSummary } from "../proxy-config/envoy-dump";
import { proxySummary } from "../proxy-config/read";
import { routeLine, summaryLines } from "../proxy-config/text";
import { type CheckRun, failed, passed } from "./check";
import { clustersOfRoutes, compareEndpoints } from "./endpoints";
import {
  chainOf,
  declaredRules,
  filterDifferences,
  gatewayPlace,
  insertedFilters,
  isIstioFilter,
  placeOf,
  requireDrained,
  ruleDifferences,
  tokenDifferences,
  treeDifferences,
} from "./proxies";

/** The configuration of a proxy, and its differences from the declared one. */
interface Comparison {
  layer: "gateway" | "waypoint";
  source: string;
  summary: ProxySummary;
  /** Differences as text, by part of the configuration. */
  parts: Readonly<Record<Exclude<ConfigPart, "endpoints">, readonly string[]>>;
  /** Clusters of the declared routes. */
  routed: readonly string[];
}

/**
 * Verifies that a proxy has the rules, filters and routes that the stack declares, and no others, and that its endpoints are the
 * ready pods of the lab.
 */
export const proxyConfig: CheckRun<"proxy-config"> = async (
  context,
  { name, of, parts = ["filters", "rules", "routes", "endpoints"] },
) => {
  const compared = await comparisonOf(context, of);
  const evidence = [{ source: compared.source, lines: summaryLines(compared.summary) }];
  const scope = of === "gateway" || of === "waypoint" ? "all" : "routed";
  const endpoints = parts.includes("endpoints")
    ? await compareEndpoints(context, compared.summary, compared.layer, compared.routed, scope)
    : { differences: [] };
  const differences = parts.flatMap((part) => (part === "endpoints" ? endpoints.differences : compared.parts[part]));
  const expected = `the ${parts.join(", ")} that the stack declares, and no others`;
  if (differences.length > 0) return [failed(name, compared.layer, differences.join("; "), { expected, evidence })];
  if (endpoints.idle) throw new PreconditionError(endpoints.idle.layer, endpoints.idle.seen);
  // Experiments change the configuration of this waypoint only.
  if (of !== "gateway" && (of === waypointName || waypointAt(of as ServiceName) === waypointName))
    await requireDrained(context);
  return [passed(name, compared.layer, `as declared: ${parts.join(", ")}`, { evidence })];
};

async function comparisonOf(context: VerifyContext, of: ServiceName | "gateway" | "waypoint"): Promise<Comparison> {
  const { declared } = context.facts;
  if (of === "gateway") return gatewayComparison(await proxySummary(context, of), declared);
  if (of === "waypoint") return chainsComparison(await proxySummary(context, of), of, declared);
  const { summary, chain } = await chainOf(context, of);
  const place = placeOf(of, declared);
  const routes = place.service ? routesAtWaypoint(declared, place.service) : [];
  const parts = {
    filters: filterDifferences(place, declared, chain.filters),
    rules: [
      ...ruleDifferences(declaredRules(place, declared), chain.rbac),
      ...tokenDifferences(place, declared, chain.tokens),
    ],
    routes: routeDifferences(routes, chain.routes),
  };
  const source = `${waypointAt(of)} config of ${hostOf(of)}`;
  const routed = clustersOfRoutes(routes);
  return { layer: "waypoint", source, summary: { ...summary, http: [chain] }, parts, routed };
}

/** Compares routes and their order, since the first match applies. */
function routeDifferences(declared: readonly RouteSummary[], found: readonly RouteSummary[]): string[] {
  const [wanted, seen] = [declared.map(routeLine), found.map(routeLine)];
  if (wanted.join("\n") === seen.join("\n")) return [];
  const extra = seen.filter((line) => !wanted.includes(line)).map((line) => `"${line}" is not declared`);
  const missing = wanted.filter((line) => !seen.includes(line)).map((line) => `lacks "${line}"`);
  const order = [`its routes are in the order ${seen.join(", ")}; declared is ${wanted.join(", ")}`];
  return extra.length + missing.length > 0 ? [...extra, ...missing] : order;
}

/** Ports of the listeners of a proxy, without internal listeners. */
const openPorts = ({ listeners }: ProxySummary): number[] =>
  listeners.flatMap(({ address }) => (address === "internal" ? [] : [Number(address.split(":").at(-1))]));

function gatewayComparison(summary: ProxySummary, declared: readonly KubeObject[]): Comparison {
  const wanted = routesAtGateway(declared);
  const chains = summary.http.filter(({ listener }) =>
    summary.listeners.some((each) => each.name === listener && each.address !== "internal"),
  );
  const rules = declaredRules(gatewayPlace, declared);
  const at = (chain: { listener: string }, differences: readonly string[]) =>
    differences.map((each) => `listener ${chain.listener}: ${each}`);
  const ports = openPorts(summary);
  const hosts = wanted.hosts.map(({ port, host, routes }) => ({ key: `port ${port}, host ${host}`, routes }));
  const found = summary.hosts.flatMap(({ config, domains, routes }) =>
    domains.map((host) => ({ key: `port ${portOf(config)}, host ${host.replace(/:\d+$/, "")}`, routes })),
  );
  const keys = [...new Set([...hosts, ...found].map(({ key }) => key))];
  const of = (items: readonly { key: string; routes: readonly RouteSummary[] }[], key: string) => [
    // Envoy's configuration has each host with and without its port.
    ...new Map(
      items.filter((each) => each.key === key).flatMap(({ routes }) => routes.map((each) => [routeLine(each), each])),
    ).values(),
  ];
  return {
    ...{ layer: "gateway", source: "gateway config", summary },
    routed: wanted.hosts.flatMap(({ routes }) => clustersOfRoutes(routes)),
    parts: {
      filters: chains.flatMap((chain) => at(chain, filterDifferences(gatewayPlace, declared, chain.filters))),
      rules: chains.flatMap((chain) => [
        ...at(chain, ruleDifferences(rules, chain.rbac)),
        ...at(chain, tokenDifferences(gatewayPlace, declared, chain.tokens)),
      ]),
      routes: [
        ...ports
          .filter((port) => !wanted.ports.includes(port))
          .map((port) => `listener for port ${port} is not declared`),
        ...wanted.ports.filter((port) => !ports.includes(port)).map((port) => `lacks the listener for port ${port}`),
        ...downstreamDifferences(summary, chains, declared),
        ...keys.flatMap((key) =>
          routeDifferences(of(hosts, key), of(found, key).filter(isService)).map((each) => `${key}: ${each}`),
        ),
      ],
    },
  };
}

/** Differences of the server names and the TLS settings of the gateway's filter chains. */
function downstreamDifferences(summary: ProxySummary, chains: readonly HttpChain[], declared: readonly KubeObject[]) {
  const { name, namespace } = gatewayPlace.gateway;
  const [gateway] = declared.filter(
    ({ kind, metadata }) => kind === "Gateway" && metadata?.name === name && metadata.namespace === namespace,
  );
  const wanted = gateway ? downstreamsOf(gateway) : [];
  const portAt = ({ listener }: HttpChain) =>
    Number(
      summary.listeners
        .find((each) => each.name === listener)
        ?.address.split(":")
        .at(-1),
    );
  return [...new Set(wanted.map(({ port }) => port))].flatMap((port) => {
    const found = chains.filter((chain) => portAt(chain) === port).map(({ downstream }) => downstream);
    const declaredAtPort = wanted.filter((each) => each.port === port).map(({ downstream }) => downstream);
    // The filter chains for the listeners of a port are in no particular order.
    const left = found.filter((each) => !declaredAtPort.some((one) => sameJson(one, each)));
    const missing = declaredAtPort.filter((each) => !found.some((one) => sameJson(one, each)));
    const pairs = Math.max(left.length, missing.length);
    return Array.from({ length: pairs }, (_, index) =>
      treeDifferences(`the chain of port ${port}`, missing[index], left[index]),
    ).flat();
  });
}

/** Whether a route has a Service: for a port without routes, Istio configures the answer 404. */
const isService = ({ cluster }: RouteSummary): boolean => cluster !== "answer 404";

/** Port of a route configuration of a gateway, such as "http.80" or "https.443.default.gateway.…". */
const portOf = (config: string): string => /^https?\.(\d+)/.exec(config)?.[1] ?? `of ${config}`;

/** Compares the Services in the configuration of a waypoint with the Services whose label names the waypoint. */
function chainsComparison(summary: ProxySummary, waypoint: WaypointName, declared: readonly KubeObject[]): Comparison {
  const { namespace = "default" } = waypoints[waypoint];
  const served = declared
    .filter(({ kind, metadata = {} }) => {
      const place = metadata.labels?.[labelKeys.useWaypointNamespace] ?? metadata.namespace;
      const names = metadata.labels?.[labelKeys.useWaypoint] === waypoint && place === namespace;
      return (kind === "Service" || kind === "ServiceEntry") && names;
    })
    .flatMap((each) => chainNames(each));
  const own = summary.http.filter(({ chain }) => chain.startsWith("inbound-vip|")).map(({ chain }) => chain);
  const extra = own.filter((chain) => !served.includes(chain));
  const inserted = declared.filter(({ kind }) => kind === "EnvoyFilter").flatMap((each) => insertedFilters(each));
  const odd = summary.http.flatMap(({ chain, filters }) =>
    filters
      .filter((filter) => !isIstioFilter(filter.replace(/^network /, "")) && !inserted.includes(filter))
      .map((filter) => `chain ${chain}: filter ${filter} is not declared`),
  );
  return {
    ...{ layer: "waypoint", source: `${waypoint} config`, summary },
    // The cluster of a Service's own pods has the name of its chain. A Service that is not admitted has neither.
    routed: served.filter((chain) => own.includes(chain)),
    parts: {
      filters: odd,
      rules: [],
      routes: extra.map((chain) => `has ${chain}, and no declared Service has it as waypoint`),
    },
  };
}

function chainNames(service: KubeObject): string[] {
  const { name = "", namespace } = service.metadata ?? {};
  const hosts =
    service.kind === "Service" ? [serviceHost(name, namespace)] : listAt(service, "spec", "hosts").map(String);
  const numbers = listAt(service, "spec", "ports").map((port) => numberAt(port, "port") ?? numberAt(port, "number"));
  return hosts.flatMap((host) =>
    numbers.map((port) => inboundCluster(host).replace(`|${ports.service}|`, `|${port}|`)),
  );
}
