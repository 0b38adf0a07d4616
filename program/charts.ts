import type { LabConfig } from "../config/schema";
import type { HostFacts } from "../preflight/host";

/** Charts and manifests that a lab is made of; what an existing cluster has already is not among them. */
export function artifactNames(config: LabConfig, host: Partial<HostFacts>): string[] {
  const gatewayApi = host.gatewayApi ? [] : ["gateway-api"];
  const metallb = hasMetalLb(config) ? ["metallb"] : [];
  return ["base", "istiod", "cni", "ztunnel", ...gatewayApi, ...metallb, ...config.addons];
}

/** Whether the lab brings the load balancer. */
export function hasMetalLb({ cluster, addressRange }: LabConfig): boolean {
  return cluster === "kind" || addressRange !== undefined;
}
