import type { LabSettings } from "../../../../config/schema";
import { versions } from "../../../../config/versions";
import type { LabFacts } from "../../../../experiments/types";

/** Facts of a kind lab with the defaults and the given settings. */
export const labFacts = (settings: Partial<LabSettings> = {}): LabFacts => ({
  stack: "dev",
  cluster: "kind",
  clusterName: "ambient-lab-dev",
  kubeconfig: "/nowhere/kubeconfig",
  context: "kind-ambient-lab-dev",
  url: "http://127.0.0.1:18080",
  ...(settings.modules?.includes("gateway-tls")
    ? { tls: { url: "https://127.0.0.1:18443", caFile: "/nowhere/gateway-ca.pem" } }
    : {}),
  settings: {
    workers: 2,
    domain: "opssec.in",
    allowedCallers: ["appa", "gateway"],
    allowedMethods: ["GET"],
    faultEnabled: true,
    faultPath: "/headers",
    faultDelay: "2s",
    faultPercent: 50,
    closeBypass: true,
    addons: ["prometheus", "grafana", "jaeger", "kiali"],
    modules: [],
    splitWeight: 20,
    httpsPort: 18_443,
    ...settings,
  },
  versions: { istio: versions.istio, gatewayApi: versions.gatewayApi, metallb: versions.metallb },
  declared: [],
});
