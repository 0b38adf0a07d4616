import { gatewayPath, meshPath, policies } from "./objects";
import { policyGate } from "./requests";
import type { Experiment } from "./types";

/** Row 11: the configuration of the proxies. */
export const proxyConfig: Experiment = {
  id: "proxy-config",
  title: "The proxies' configuration agrees with the stack",
  question: "Which listeners, filters and routes do waypoint and gateway have, and in which order?",
  why: "The order of the HTTP filters decides: rbac comes before fault, so that a refused request is never delayed.",
  rows: [11],
  objects: [...meshPath, ...gatewayPath, ...policies, "VirtualService/appb-fault", "Deployment/istiod"],
  steps: (settings) => [
    { kind: "check", name: "listeners and filters of the waypoint", check: "waypoint-config" },
    { kind: "check", name: "routes of the gateway", check: "gateway-config" },
    policyGate(settings),
    ...(settings.faultEnabled
      ? [{ kind: "check", name: "fault at the waypoint", check: "fault-config", gate: true } as const]
      : []),
  ],
};
