import { durationMs, inboundCluster, outboundCluster, ports } from "../../config/vocabulary";
import { appbHost, hostOf, waypointAt } from "../../experiments/names";
import type { ServiceName } from "../../experiments/slices";
import type { VerifyContext } from "../context";
import { hostPort } from "../pods";
import { PreconditionError } from "../precondition-error";
import type { HttpChain, ProxySummary, RouteSummary } from "../proxy-config/envoy-dump";
import { outOfOrder, type RbacRule } from "../proxy-config/envoy-filters";
import { proxySummary } from "../proxy-config/read";
import { type CheckRun, failed, listed, passed } from "./check";
import { requireDrained } from "./drain";

const order = ["envoy.filters.http.rbac", "envoy.filters.http.fault", "envoy.filters.http.router"];

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

/** A proxy's configuration as text, for the evidence. */
export function summaryLines(summary: ProxySummary): string[] {
  return [
    ...summary.listeners.map(({ name, address, chains }) => `listener ${name} ${address} [${chains.join(" ")}]`),
    ...summary.http.flatMap(({ chain, filters, rbac, routes }) => [
      `http ${chain}: ${filters.join(" → ")}`,
      ...rbac.map((rule) => `  ${rbacLine(rule)}`),
      ...routes.map(routeLine),
    ]),
    ...summary.hosts.flatMap(({ config, domains, routes }) => [
      `rds ${config}: ${domains.join(" ")}`,
      ...routes.map(routeLine),
    ]),
    ...summary.endpoints.map(({ cluster, targets }) => `endpoints ${cluster}: ${listed(targets)}`),
  ];
}

const rbacLine = (rule: RbacRule): string => `rbac ${ruleText(rule)}`;

/** An RBAC rule as text. */
export const ruleText = ({ action, name, principals, methods }: RbacRule): string =>
  `${action} ${name}: ${listed(principals)} ${listed(methods)}`;

/** The clusters of a route as text, each with its weight where several share the requests. */
export const routeTarget = ({ cluster, weights }: RouteSummary): string =>
  weights?.map((each) => `${each.cluster} (${each.weight})`).join(", ") ?? cluster;

/** Faults, timeout, retries and mirrors of a route, a text each. */
export function routeFeatures({ fault, abort, timeoutMs, retries, mirrors = [] }: RouteSummary): string[] {
  return [
    ...(fault ? [`${fault.percent} % delayed by ${fault.delayMs} ms`] : []),
    ...(abort ? [`${abort.percent} % aborted with ${abort.status}`] : []),
    ...(timeoutMs ? [`timeout ${timeoutMs} ms`] : []),
    ...(retries ? [`${retries.attempts} retries on ${retries.on}`] : []),
    ...mirrors.map((mirror) => `mirrored to ${mirror}`),
  ];
}

/** A route as text. */
export function routeLine(route: RouteSummary): string {
  const features = routeFeatures(route);
  const suffix = features.length > 0 ? ` (${features.join(", ")})` : "";
  return `  route ${route.match} → ${routeTarget(route)}${suffix}`;
}

/** The waypoint has a filter chain for appb, with its filters in the order that the experiments rely on. */
export const waypointConfig: CheckRun<"waypoint-config"> = async (context, { name }) => {
  const { summary, chain } = await chainOf(context, "appb");
  const evidence = [{ source: "waypoint config", lines: summaryLines(summary) }];
  const here = order.filter((filter) => chain.filters.includes(filter));
  const seen = chain.filters.map((filter) => filter.replace("envoy.filters.http.", "")).join(" → ");
  const missing = ["envoy.filters.http.rbac", "envoy.filters.http.router"].filter((filter) => !here.includes(filter));
  const expected = "rbac, then fault, then router";
  if (missing.length > 0)
    return [failed(name, "waypoint", `${seen}; missing: ${listed(missing)}`, { expected, evidence })];
  if (outOfOrder(chain.filters, here).length > 0) return [failed(name, "waypoint", seen, { expected, evidence })];
  return [passed(name, "waypoint", seen, { evidence })];
};

/** The gateway's cluster of appb. */
const cluster = outboundCluster(appbHost);

/** The endpoints to which the gateway sends requests for appb, and whether all of them are waypoints. */
export async function gatewayTargets(
  context: VerifyContext,
  known?: ProxySummary,
): Promise<{ targets: readonly string[]; through: boolean }> {
  const summary = known ?? (await proxySummary(context, "gateway"));
  const targets = summary.endpoints.find((item) => item.cluster === cluster)?.targets ?? [];
  const waypoints = (await context.podFinder.all("waypoint", context.signal)).map(
    ({ ip }) => `envoy://connect_originate/${hostPort(ip, ports.hbone)}`,
  );
  return { targets, through: targets.length > 0 && targets.every((target) => waypoints.includes(target)) };
}

/** The gateway routes appb's host to appb's cluster, and the cluster's endpoint is the waypoint. */
export const gatewayConfig: CheckRun<"gateway-config"> = async (context, { name }) => {
  const summary = await proxySummary(context, "gateway");
  const evidence = [{ source: "gateway config", lines: summaryLines(summary) }];
  const host = `appb.${context.facts.settings.domain}`;
  const routes = summary.hosts.filter(({ domains }) =>
    domains.some((domain) => domain === host || domain.startsWith(`${host}:`)),
  );
  const fail = (seen: string, layer: "gateway" | "waypoint", expected: string) => [
    failed(name, layer, seen, { expected, evidence }),
  ];
  if (!routes.some((item) => item.routes.some((route) => route.cluster === cluster))) {
    return fail(`no route of ${host} to ${cluster}`, "gateway", `${host} → ${cluster}`);
  }
  const { targets, through } = await gatewayTargets(context, summary);
  const seen = `${host} → ${cluster} → ${listed(targets)}`;
  return through
    ? [passed(name, "gateway", seen, { evidence })]
    : fail(seen, "waypoint", `the waypoint's port ${ports.hbone}`);
};

/** Each pair of method and identity that rules name; a rule without identities is about anybody. */
export const pairsOf = (rules: readonly RbacRule[]): string[] =>
  rules.flatMap(({ principals, methods, paths }) =>
    (principals.length > 0 ? principals : ["anybody"]).flatMap((who) =>
      (methods.length > 0 ? methods : ["any method"]).flatMap((what) =>
        (paths.length > 0 ? paths : [undefined]).map((path) => [what, path, who].filter(Boolean).join(" ")),
      ),
    ),
  );

/** The pairs of method and identity that appb's policy allows at present, in the waypoint's own configuration. */
export async function programmedPairs(context: VerifyContext): Promise<string[]> {
  const { chain } = await chainOf(context, "appb");
  return pairsOf(chain.rbac.filter(({ name, action }) => action === "ALLOW" && name.includes("policy[appb-l7]")));
}

/** The waypoint's routes inject the configured delay, and only there. */
export const faultConfig: CheckRun<"fault-config"> = async (context, { name }) => {
  const { faultPath, faultDelay, faultPercent } = context.facts.settings;
  const { chain } = await chainOf(context, "appb");
  const evidence = [{ source: "waypoint config", lines: chain.routes.map(routeLine) }];
  const expected = `${faultPath}: ${faultPercent} % by ${durationMs(faultDelay)} ms, and a route to appb without a fault for all else`;
  const fault = chain.routes.find(
    ({ match }) => match === `prefix ${faultPath}` || match === `pathSeparatedPrefix ${faultPath}`,
  )?.fault;
  const last = chain.routes.at(-1);
  const other = chain.routes.find(
    (route) =>
      route.cluster !== inboundCluster(appbHost) || route.abort !== undefined || (route.fault && route.fault !== fault),
  );
  const percent = fault?.percent ?? 0;
  const right = percent === faultPercent && (faultPercent === 0 || fault?.delayMs === durationMs(faultDelay));
  const seen = fault ? `${faultPath}: ${percent} % by ${fault.delayMs} ms` : `no delay for ${faultPath}`;
  if (!right) return [failed(name, "waypoint", seen, { expected, evidence })];
  const caught = last !== undefined && last.fault === undefined && ["any", "prefix /"].includes(last.match);
  if (!caught && faultPath !== "/") {
    return [failed(name, "waypoint", `${seen}; no route for other paths: they get 404`, { expected, evidence })];
  }
  if (other) return [failed(name, "waypoint", `${seen}; and ${routeLine(other).trim()}`, { expected, evidence })];
  await requireDrained(context);
  return [passed(name, "waypoint", seen, { evidence })];
};
