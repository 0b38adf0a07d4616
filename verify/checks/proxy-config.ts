import { waypointName } from "../../config/vocabulary";
import { hostOf, waypointAt } from "../../experiments/names";
import type { ServiceName } from "../../experiments/slices";
import type { VerifyContext } from "../context";
import type { HttpChain, ProxySummary } from "../proxy-config/envoy-dump";
import { proxySummary } from "../proxy-config/read";
import { type CheckRun, failed, listed, passed } from "./check";
import { requireDrained } from "./drain";
import { chainOf, pairsOf, routeLine } from "./proxies";

/** Rules, filters and routes of a Service's HTTP chain at its waypoint, a fact a line. */
const chainFacts = ({ rbac, filters, routes }: HttpChain): string[] => [
  ...rbac.flatMap((rule) => pairsOf([rule]).map((pair) => `${rule.action} ${pair}`)),
  ...filters.map((filter) => `filter ${filter}`),
  ...routes.map((route) => routeLine(route).trim()),
];

/** Listeners, filters, rules and routes of the gateway, a fact a line. */
const gatewayFacts = ({ listeners, http, hosts }: ProxySummary): string[] => [
  ...listeners.map(({ address }) => `listener for port ${address.split(":").at(-1)}`),
  ...http.flatMap(({ filters, rbac }) => [
    ...filters.map((filter) => `filter ${filter}`),
    ...rbac.map(({ action, name }) => `${action} ${name}`),
  ]),
  ...hosts.flatMap(({ domains, routes }) =>
    domains.flatMap((domain) => routes.map(({ cluster }) => `${domain.replace(/:.*$/, "")} → ${cluster}`)),
  ),
];

/** A part of a proxy's configuration as facts. */
interface Config {
  layer: "gateway" | "waypoint";
  source: string;
  facts: readonly string[];
  /** Rules that must not be there unless they are wanted. ALLOW policies add up; DENY rules of the gateway are other hosts'. */
  exclusive: RegExp;
}

async function configOf(context: VerifyContext, of: ServiceName | "gateway"): Promise<Config> {
  if (of === "gateway") {
    const facts = [...new Set(gatewayFacts(await proxySummary(context, of)))];
    return { layer: of, source: "gateway config", facts, exclusive: /^ALLOW / };
  }
  const { chain } = await chainOf(context, of);
  const source = `${waypointAt(of)} config of ${hostOf(of)}`;
  return { layer: "waypoint", source, facts: chainFacts(chain), exclusive: /^(ALLOW|DENY) / };
}

/** A proxy's configuration has all facts that are wanted, and no other rule that decides about the same requests. */
export const proxyConfig: CheckRun<"proxy-config"> = async (context, { name, of, wanted }) => {
  const { layer, source, facts, exclusive } = await configOf(context, of);
  const evidence = [{ source, lines: facts }];
  const missing = wanted.filter((fact) => !facts.includes(fact));
  const extra = facts.filter((fact) => exclusive.test(fact) && !wanted.includes(fact));
  if (missing.length + extra.length === 0) {
    // The experiments change the configuration of this waypoint alone while they run.
    if (of !== "gateway" && waypointAt(of) === waypointName) await requireDrained(context);
    return [passed(name, layer, listed(wanted), { evidence })];
  }
  const seen = [
    ...(missing.length > 0 ? [`missing: ${listed(missing)}`] : []),
    ...(extra.length > 0 ? [`not wanted: ${listed(extra)}`] : []),
  ].join("; ");
  return [failed(name, layer, seen, { expected: listed(wanted), evidence })];
};
