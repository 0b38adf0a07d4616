import { conditionText } from "./condition";
import type { ProxySummary, RouteSummary } from "./envoy-dump";
import type { RbacRule } from "./envoy-rbac";

/** A proxy's configuration as text, for the evidence. */
export function summaryLines(summary: ProxySummary): string[] {
  return [
    ...summary.listeners.map(({ name, address, chains }) => `listener ${name} ${address} [${chains.join(" ")}]`),
    ...summary.http.flatMap(({ chain, filters, rbac, routes }) => [
      `http ${chain}: ${filters.join(" → ")}`,
      ...rbac.map((rule) => `  rbac ${ruleText(rule)}`),
      ...routes.map((route) => `  ${routeLine(route)}`),
    ]),
    ...summary.hosts.flatMap(({ config, domains, routes }) => [
      `rds ${config}: ${domains.join(" ")}`,
      ...routes.map((route) => `  ${routeLine(route)}`),
    ]),
    ...summary.endpoints.map(({ cluster, targets, unhealthy = [] }) => {
      const all = [...targets, ...unhealthy.map((target) => `${target} (unhealthy)`)];
      return `endpoints ${cluster}: ${all.join(", ") || "none"}`;
    }),
  ];
}

/** An RBAC rule as text. */
export const ruleText = ({ action, shadow, name, condition }: RbacRule): string =>
  `${action} ${name}${shadow ? " (dry run)" : ""}: ${conditionText(condition)}`;

/** The clusters of a route as text, each with its weight where several share the requests. */
export const routeTarget = ({ cluster, weights }: RouteSummary): string =>
  weights?.map((each) => `${each.cluster} (${each.weight})`).join(", ") ?? cluster;

/** Faults, timeout, retries, mirrors and all else of a route, a text each. */
export function routeFeatures({ fault, abort, timeoutMs, retries, mirrors = [], more = [] }: RouteSummary): string[] {
  return [
    ...(fault ? [`${fault.percent} % delayed by ${fault.delayMs} ms`] : []),
    ...(abort ? [`${abort.percent} % aborted with ${abort.status}`] : []),
    ...(timeoutMs ? [`timeout ${timeoutMs} ms`] : []),
    ...(retries ? [retries.attempts > 0 ? `${retries.attempts} retries on ${retries.on}` : "no retries"] : []),
    ...mirrors.map((mirror) => `mirrored to ${mirror}`),
    ...more,
  ];
}

/** A route as text. Equal routes have equal texts. */
export function routeLine(route: RouteSummary): string {
  const features = routeFeatures(route);
  const suffix = features.length > 0 ? ` (${features.join(", ")})` : "";
  return `route ${route.match} → ${routeTarget(route)}${suffix}`;
}
