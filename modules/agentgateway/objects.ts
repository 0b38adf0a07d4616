import { istioImage } from "../../config/image-names";
import { istioMinorOf } from "../../config/versions";
import type { Slice } from "../slice";

/** Name of the waypoint's Gateway, and so of its ServiceAccount. */
export const waypoint = "agentgateway";

export const agentgateway = {
  objects: {
    "Deployment/apph": "app",
    "Gateway/agentgateway": "waypoint",
    "Deployment/agentgateway": "waypoint",
    "Service/apph": "waypoint",
    "Service/apph-envoy": "waypoint",
    "Service/apph-routed": "waypoint",
    "Service/apph-envoy-routed": "waypoint",
    "AuthorizationPolicy/apph-l7": "waypoint",
    "AuthorizationPolicy/apph-envoy-l7": "waypoint",
    "AuthorizationPolicy/apph-waypoint-only": "ztunnel",
    "AuthorizationPolicy/apph-envoy-only": "ztunnel",
    "VirtualService/apph-fault": "waypoint",
    "VirtualService/apph-envoy-fault": "waypoint",
    "HTTPRoute/apph-routed": "waypoint",
    "HTTPRoute/apph-envoy-routed": "waypoint",
  },
  workloads: { apph: { mesh: true, policy: "AuthorizationPolicy/apph-waypoint-only" } },
  waypoints: { [waypoint]: { container: "agentgateway" } },
  services: {
    apph: { pods: "apph", waypoint, policy: "AuthorizationPolicy/apph-l7" },
    "apph-envoy": { pods: "apph", policy: "AuthorizationPolicy/apph-envoy-l7" },
    "apph-routed": { pods: "apph", waypoint },
    "apph-envoy-routed": { pods: "apph" },
  },
  // Istio publishes agentgateway under its own hub and version (its pilot/docker/Dockerfile.agentgateway).
  images: (istio) => (istioMinorOf(istio)?.agentgateway ? [istioImage("agentgateway", istio)] : []),
} as const satisfies Slice;
