import type { ProxySummary } from "../proxy-config/envoy-dump";
import { proxySummary } from "../proxy-config/read";
import { type CheckRun, failed, listed, passed } from "./check";

/** What the gateway does, a fact a line: where it listens, its filters and rules, and where each host leads. */
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

/** The gateway was told all that is wanted. */
export const gatewayTold: CheckRun<"gateway-told"> = async (context, { name, wanted }) => {
  const facts = [...new Set(gatewayFacts(await proxySummary(context, "gateway")))];
  const evidence = [{ source: "gateway config", lines: facts }];
  const missing = wanted.filter((fact) => !facts.includes(fact));
  if (missing.length === 0) return [passed(name, "gateway", listed(wanted), { evidence })];
  return [failed(name, "gateway", `missing: ${listed(missing)}`, { expected: listed(wanted), evidence })];
};
