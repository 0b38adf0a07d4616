import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ModuleName } from "../../../modules/index";
import { camelCase, parseEnvoyDump } from "../../../verify/proxy-config/envoy-dump";
import { parseZtunnelDump, type ZtunnelDump } from "../../../verify/proxy-config/ztunnel-dump";
import { recordedFolder, requires } from "../../support/skip";
import { gatewayConfig, waypointConfig, ztunnelConfig } from "./fake/dumps";
import { fakeWorld } from "./fake/world";

const recorded = (file: string): unknown => JSON.parse(readFileSync(join(recordedFolder(), file), "utf8"));

/** The modules of the lab that was recorded; its port of HTTPS was 10203. */
const modules: ModuleName[] = [
  ...(["fail-open", "l4-l7", "traffic-split", "resilience", "egress"] as const),
  ...(["cross-namespace", "strict-mtls", "gateway-tls", "gateway-jwt"] as const),
];
/** The node of appb in the fake lab; the recorded ztunnel is that of appb's node as well. */
const node = "ambient-lab-dev-worker2";

/** Every field of a dump with the type of its value; names that are keys count as one. */
function fieldsOf(value: unknown, path = ""): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => fieldsOf(item, `${path}[]`));
  if (typeof value !== "object" || value === null) return [`${path}: ${typeof value}`];
  const named = /\.(workloadState|policies)$/.test(path);
  return Object.entries(value).flatMap(([key, item]) => fieldsOf(item, `${path}.${named ? "*" : key}`));
}

describe.skipIf(requires("the dumps of a recorded Istio", { recorded: true }))(
  "the fake lab beside a recorded one",
  () => {
    it("has no field in its dumps that istiod and ztunnel do not write", async () => {
      const { state } = await fakeWorld({ modules, httpsPort: 10_203 });
      const invented = (fake: unknown, file: string) => {
        const known = new Set(fieldsOf(camelCase(recorded(file))));
        return [...new Set(fieldsOf(camelCase(fake)))].filter((field) => !known.has(field));
      };
      const dumps = {
        waypoint: invented(waypointConfig(state, "waypoint"), "istiod-waypoint.json"),
        gateway: invented(gatewayConfig(state), "istiod-gateway.json"),
        ztunnel: invented(ztunnelConfig(state, node), "ztunnel-config_dump.json"),
      };
      // The recorded lab had no Jaeger, and istiod's own rendering has no endpoints.
      const elsewhere = /\.tracing\.provider\.|\.dynamicEndpointConfigs\[\]/;
      const left = Object.entries(dumps).map(([name, fields]) => [
        name,
        fields.filter((field) => !elsewhere.test(field)),
      ]);
      expect(Object.fromEntries(left)).toEqual({ waypoint: [], gateway: [], ztunnel: [] });
    });

    it("has the same workloads, policies, waypoints and certificates in ztunnel", async () => {
      const { state } = await fakeWorld({ modules, httpsPort: 10_203 });
      const facts = ({ workloads, services, certificates, serves }: ZtunnelDump) => ({
        policies: workloads
          .filter(({ protocol }) => protocol === "HBONE")
          .map(({ namespace, account, policies }) => `${namespace}/${account}: ${[...policies].sort().join(", ")}`)
          .sort(),
        waypoints: services
          .flatMap(({ hostname, waypoint }) => (waypoint ? [`${hostname} → ${waypoint}`] : []))
          .filter((text) => text.includes(".svc.cluster.local →"))
          .sort(),
        identities:
          certificates.filter(({ state: at }) => at === "Available").map(({ identity }) => identity).length > 0,
        serves: (serves ?? []).length > 0,
      });
      const real = parseZtunnelDump(recorded("ztunnel-config_dump.json"));
      expect(facts(parseZtunnelDump(ztunnelConfig(state, node)))).toEqual(facts(real));
      for (const { validFrom, expires } of real.certificates)
        expect(Date.parse(expires)).toBeGreaterThan(Date.parse(validFrom));
    });

    it("has the same chains, hosts and clusters in waypoint and gateway", async () => {
      const { state } = await fakeWorld({ modules, httpsPort: 10_203 });
      const chains = (dump: unknown) =>
        parseEnvoyDump(dump)
          .http.map(({ chain }) => chain)
          .filter((chain) => chain.startsWith("inbound-vip|"))
          .sort();
      expect(chains(waypointConfig(state, "waypoint"))).toEqual(chains(recorded("istiod-waypoint.json")));
      const hosts = (dump: unknown) =>
        [
          ...new Set(
            parseEnvoyDump(dump).hosts.flatMap(({ domains, routes }) =>
              domains.flatMap((domain) => routes.map(({ cluster }) => `${domain} → ${cluster}`)),
            ),
          ),
        ].sort();
      expect(hosts(gatewayConfig(state))).toEqual(hosts(recorded("istiod-gateway.json")));
    });
  },
);
