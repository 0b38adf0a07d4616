import { gatewayPath, meshPath, policies } from "./objects";
import type { Experiment } from "./types";

/** Row 11: the configuration of the proxies. */
export const proxyConfig: Experiment = {
  id: "proxy-config",
  title: "The proxies' configuration agrees with the stack",
  question: "Which listeners, filters and routes do waypoint and gateway have, and in which order?",
  why: "The order of the HTTP filters decides: rbac comes before fault, so that a refused request is never delayed.",
  rows: [11],
  objects: [...meshPath, ...gatewayPath, ...policies, "VirtualService/appb-fault", "Deployment/istiod"],
  steps: () => [
    { kind: "check", name: "filters, rules and routes of appb at the waypoint", check: "proxy-config", of: "appb" },
    { kind: "check", name: "Services and filters of the waypoint", check: "proxy-config", of: "waypoint" },
    { kind: "check", name: "filters, rules and routes of the gateway", check: "proxy-config", of: "gateway" },
    { kind: "check", name: "no object of others decides about the lab's traffic", check: "no-others" },
  ],
};
