import { gatewayPath, meshPath, policies } from "./objects";
import { request, usualMethod } from "./requests";
import type { Experiment } from "./types";

/** Row 9: the ingress gateway. */
export const gateway: Experiment = {
  id: "gateway",
  title: "The gateway routes its own host, and no other",
  question: "Does the gateway route appb's host to appb, and refuse a host without a route?",
  why: "Programmed says that the configuration was sent, not that a proxy runs: only an answer proves it. The 404 for another host must come from the gateway itself, with 'route_not_found' in its log.",
  rows: [9],
  objects: [...gatewayPath, ...meshPath, ...policies, "VirtualService/appb-fault"],
  steps: (settings) => [
    { kind: "check", name: "rollout of the gateway", check: "rollouts", objects: ["Deployment/gateway-istio"] },
    {
      kind: "check",
      name: "Gateway gateway is Programmed",
      check: "condition",
      object: "Gateway/gateway",
      type: "Programmed",
    },
    {
      kind: "check",
      name: "HTTPRoute appb is Accepted",
      check: "condition",
      object: "HTTPRoute/appb",
      type: "Accepted",
    },
    request(settings, "host", usualMethod(settings)),
    {
      kind: "probe",
      name: "another host has no route",
      from: "host",
      to: "gateway",
      method: "GET",
      path: "/get",
      host: `other.${settings.domain}`,
      expect: { outcome: "refused", by: "gateway", status: 404 },
    },
  ],
};
