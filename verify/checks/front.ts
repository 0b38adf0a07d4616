import { hostOf, waypointAt } from "../../experiments/names";
import type { HttpChain } from "../proxy-config/envoy-dump";
import { type CheckRun, failed, listed, passed } from "./check";
import { chainOf, pairsOf, routeLine } from "./proxies";

/** What a chain of the waypoint does, a fact a line: its rules, its filters and its routes. */
const chainFacts = ({ rbac, filters, routes }: HttpChain): string[] => [
  ...rbac.flatMap((rule) => pairsOf([rule]).map((pair) => `${rule.action} ${pair}`)),
  ...filters.map((filter) => `filter ${filter}`),
  ...routes.map((route) => routeLine(route).trim()),
];

/** The waypoint was told all that is wanted of a Service, and to let in nobody else: ALLOW policies add up. */
export const front: CheckRun<"front"> = async (context, { name, service, wanted }) => {
  const { chain } = await chainOf(context, service);
  const facts = chainFacts(chain);
  const evidence = [{ source: `${waypointAt(service)} config of ${hostOf(service)}`, lines: facts }];
  const missing = wanted.filter((fact) => !facts.includes(fact));
  const extra = facts.filter((fact) => fact.startsWith("ALLOW ") && !wanted.includes(fact));
  if (missing.length + extra.length === 0) return [passed(name, "waypoint", listed(wanted), { evidence })];
  const seen = [
    ...(missing.length > 0 ? [`missing: ${listed(missing)}`] : []),
    ...(extra.length > 0 ? [`too much: ${listed(extra)}`] : []),
  ].join("; ");
  return [failed(name, "waypoint", seen, { expected: listed(wanted), evidence })];
};
