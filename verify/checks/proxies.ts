import { appNamespace, gatewayName, inboundCluster, outboundCluster, ports } from "../../config/vocabulary";
import { appbHost, hostOf, waypointAt, waypoints } from "../../experiments/names";
import type { ServiceName } from "../../experiments/slices";
import type { VerifyContext } from "../context";
import { rbacRulesOf } from "../declared/authorization";
import { tokenFilterOf } from "../declared/tokens";
import { at, listAt, differences as placesOf, textAt } from "../json";
import type { KubeObject } from "../lab-client";
import { hostPort } from "../pods";
import { PreconditionError, unobservable } from "../precondition-error";
import { waypointMetrics } from "../probe/metrics";
import { differences } from "../proxy-config/condition";
import { faultFilter, type HttpChain, type ProxySummary, tokenFilter } from "../proxy-config/envoy-dump";
import { type RbacRule, rbacFilter } from "../proxy-config/envoy-rbac";
import { proxySummary } from "../proxy-config/read";
import { ruleText } from "../proxy-config/text";

/** The waypoint's HTTP chain for a Service. */
export async function chainOf(
  context: VerifyContext,
  service: ServiceName,
): Promise<{ summary: ProxySummary; chain: HttpChain }> {
  const summary = await proxySummary(context, waypointAt(service));
  const chain = summary.http.find((item) => item.chain === inboundCluster(hostOf(service)));
  if (!chain)
    throw new PreconditionError(
      "waypoint",
      `${waypointAt(service)} has no HTTP chain for ${hostOf(service)}:${ports.service}`,
    );
  return { summary, chain };
}

/** The gateway's cluster of appb. */
const appbCluster = outboundCluster(appbHost);

/** Whether the gateway sends requests for appb only to pods of the waypoint. */
export async function goesThroughWaypoint(context: VerifyContext): Promise<boolean> {
  const { endpoints } = await proxySummary(context, "gateway");
  const targets = endpoints.find((item) => item.cluster === appbCluster)?.targets ?? [];
  const waypoints = (await context.podFinder.all("waypoint", context.signal)).map(
    ({ ip }) => `envoy://connect_originate/${hostPort(ip, ports.hbone)}`,
  );
  return targets.length > 0 && targets.every((target) => waypoints.includes(target));
}

/** The target of policies in the configuration: a Gateway, or one Service of a waypoint. */
export interface Place {
  gateway: { name: string; namespace: string };
  service?: { kind: string; name: string; namespace: string; host: string };
}

export const gatewayPlace: Place = { gateway: { name: gatewayName, namespace: appNamespace } };

/** The {@link Place} of a Service at its waypoint. */
export function placeOf(service: ServiceName, declared: readonly KubeObject[]): Place {
  const name = waypointAt(service);
  const gateway = { name, namespace: waypoints[name].namespace ?? appNamespace };
  const host = hostOf(service);
  const own = declared.find(
    ({ kind, metadata }) => (kind === "Service" || kind === "ServiceEntry") && metadata?.name === service,
  );
  const { kind = "Service", metadata } = own ?? {};
  return { gateway, service: { kind, name: service, namespace: metadata?.namespace ?? appNamespace, host } };
}

/** Declared objects of a kind that are attached to a place by `targetRefs`. */
const attachedTo = ({ gateway, service }: Place, kind: string, declared: readonly KubeObject[]): KubeObject[] =>
  declared.filter(
    (each) =>
      each.kind === kind &&
      listAt(each, "spec", "targetRefs").some((ref) => {
        const target = textAt(ref, "kind") === "Gateway" ? gateway : service;
        const right = textAt(ref, "kind") === "Gateway" || textAt(ref, "kind") === service?.kind;
        return right && textAt(ref, "name") === target?.name && each.metadata?.namespace === target?.namespace;
      }),
  );

/** The rules that the stack declares for a place. */
export const declaredRules = (place: Place, declared: readonly KubeObject[]): RbacRule[] =>
  rbacRulesOf(attachedTo(place, "AuthorizationPolicy", declared));

/** The policy of an Envoy rule, and the number of the rule. */
function ruleName(name: string): string {
  const [, namespace, policy, index] = /^ns\[(.*)\]-policy\[(.*)\]-rule\[(\d+)\]$/.exec(name) ?? [];
  return policy === undefined ? name : `AuthorizationPolicy ${namespace}/${policy}, rule ${index}`;
}

/** Differences between the declared rules and those of a proxy, as text. */
export function ruleDifferences(declared: readonly RbacRule[], found: readonly RbacRule[]): string[] {
  const same = (a: RbacRule) => (b: RbacRule) => a.name === b.name && a.action === b.action && a.shadow === b.shadow;
  return [
    ...found.flatMap((rule) => {
      const wanted = declared.find(same(rule));
      if (!wanted) return [`${ruleName(rule.name)} is not declared: ${ruleText(rule)}`];
      return differences(wanted.condition, rule.condition).map((each) => `${ruleName(rule.name)} ${each}`);
    }),
    ...declared
      .filter((rule) => !found.some(same(rule)))
      .map((rule) => `lacks ${ruleName(rule.name)}: ${ruleText(rule)}`),
  ];
}

/** Differences between two parts of a configuration, as text. */
export function treeDifferences(what: string, wanted: unknown, found: unknown): string[] {
  if (wanted === undefined && found === undefined) return [];
  if (found === undefined) return [`lacks ${what}`];
  if (wanted === undefined) return [`${what} is not declared: ${shortened(found)}`];
  return placesOf(wanted, found).map(
    (each) => `${what}: ${each.path} is ${shortened(each.found)}, declared is ${shortened(each.wanted)}`,
  );
}

const shortened = (value: unknown): string => {
  const text = JSON.stringify(value) ?? "absent";
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
};

/** Differences between the declared RequestAuthentications of a place and the filter of a proxy, as text. */
export const tokenDifferences = (place: Place, declared: readonly KubeObject[], found: unknown): string[] =>
  treeDifferences("the filter for tokens", tokenFilterOf(attachedTo(place, "RequestAuthentication", declared)), found);

/**
 * Filters that Istio adds to each chain for telemetry and protocol (istio 1.31, pilot/pkg/networking/core/listener_builder.go and
 * waypoint.go). None of them answers or refuses a request.
 */
const istioFilters: ReadonlySet<string> = new Set([
  "connect_authority",
  "envoy.filters.http.cors",
  "envoy.filters.http.grpc_stats",
  "istio.alpn",
  "istio.metadata_exchange",
  "istio.stats",
  "waypoint_downstream_peer_metadata",
  "waypoint_upstream_peer_metadata",
]);

const router = "envoy.filters.http.router";

/** Whether a filter is one of Istio: without effect on the result of requests, or generated from declared objects. */
export const isIstioFilter = (filter: string): boolean =>
  istioFilters.has(filter) || [rbacFilter, faultFilter, router].includes(filter);

/** Names of the filters that an EnvoyFilter inserts; for one chain, or for all. */
export const insertedFilters = (filter: KubeObject, chain?: string): string[] =>
  listAt(filter, "spec", "configPatches")
    .filter((patch) => chain === undefined || textAt(patch, "match", "listener", "filterChain", "name") === chain)
    .map((patch) => textAt(patch, "patch", "value", "name") ?? JSON.stringify(at(patch, "patch")));

/** The declared filters of a place that affect requests, in their order. */
function declaredFilters(place: Place, declared: readonly KubeObject[]): string[] {
  const actions = new Set(declaredRules(place, declared).map(({ action }) => action));
  const tokens = attachedTo(place, "RequestAuthentication", declared).length > 0;
  const chain = place.service && inboundCluster(place.service.host);
  const inserted = chain
    ? attachedTo(place, "EnvoyFilter", declared).flatMap((each) => insertedFilters(each, chain))
    : [];
  return [...(tokens ? [tokenFilter] : []), ...[...actions].map(() => rbacFilter), faultFilter, ...inserted, router];
}

/** Differences between the declared filters and those of a proxy, as text. */
export function filterDifferences(place: Place, declared: readonly KubeObject[], found: readonly string[]): string[] {
  const wanted = declaredFilters(place, declared);
  const seen = found.filter((filter) => !istioFilters.has(filter));
  const extra = seen.filter((filter) => !wanted.includes(filter));
  if (extra.length > 0)
    return extra.map(
      (filter) => `filter ${filter} is not declared, it is number ${found.indexOf(filter) + 1} of ${found.join(" → ")}`,
    );
  // A proxy without faults may leave out the filter for them.
  const right = [wanted, wanted.filter((filter) => filter !== faultFilter)].some((each) => each.join() === seen.join());
  return right ? [] : [`its filters are ${seen.join(" → ")}, declared are ${wanted.join(" → ")}`];
}

/** Filter chains and listeners of an earlier configuration that still serve connections (Envoy's listener manager). */
const gauges = /^envoy_listener_manager_total_(filter_chains|listeners)_draining$/;

/**
 * Requires that the waypoint has no draining filter chains. Envoy applies a changed configuration to new connections only; open ones,
 * such as the gateway's to the waypoint, use the old configuration until they are drained (`drainDuration`), so that a request on them
 * proves nothing.
 *
 * @throws PreconditionError while the waypoint drains; a proxy without these gauges counts as drained
 */
export async function requireDrained(context: VerifyContext): Promise<void> {
  const series = (await waypointMetrics(context)).flat().filter(({ name }) => gauges.test(name));
  const draining = series.reduce((sum, { value }) => sum + value, 0);
  if (draining === 0) return;
  throw unobservable("waypoint", `${draining} filter chains of an earlier configuration still serve open connections`);
}
