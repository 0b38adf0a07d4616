import { meshNamespace, metallbNamespace } from "../config/vocabulary";
import type { Slice } from "../modules/slice";

/** The objects of every lab. */
export const story = {
  objects: {
    "Namespace/default": "ztunnel",
    "Deployment/istiod": { layer: "istiod", namespace: meshNamespace },
    "DestinationRule/connections": { layer: "waypoint", namespace: meshNamespace },
    "DaemonSet/istio-cni-node": { layer: "istio-cni", namespace: meshNamespace },
    "DaemonSet/ztunnel": { layer: "ztunnel", namespace: meshNamespace },
    "Deployment/appa": "app",
    "Deployment/appb": "app",
    "Deployment/stranger": "app",
    "Deployment/outsider": "app",
    "Service/appb": "waypoint",
    "Gateway/gateway": "gateway",
    "Deployment/gateway-istio": "gateway",
    "Service/gateway-istio": "gateway",
    "HTTPRoute/appb": "gateway",
    "Gateway/waypoint": "waypoint",
    "Deployment/waypoint": "waypoint",
    "AuthorizationPolicy/appb-l7": "waypoint",
    "AuthorizationPolicy/appb-waypoint-only": "ztunnel",
    "VirtualService/appb-fault": "waypoint",
    "IPAddressPool/lab": { layer: "load-balancer", namespace: metallbNamespace },
    "L2Advertisement/lab": { layer: "load-balancer", namespace: metallbNamespace },
    "Service/prometheus": { layer: "prometheus", namespace: meshNamespace },
    "Service/grafana": { layer: "grafana", namespace: meshNamespace },
    "Service/tracing": { layer: "jaeger", namespace: meshNamespace },
    "Service/kiali": { layer: "kiali", namespace: meshNamespace },
  },
  workloads: {
    appa: { mesh: true, client: true },
    appb: { mesh: true, policy: "AuthorizationPolicy/appb-waypoint-only" },
    stranger: { mesh: true, client: true },
    outsider: { client: true },
  },
  waypoints: { waypoint: {} },
  services: { appb: { pods: "appb", policy: "AuthorizationPolicy/appb-l7" } },
} as const satisfies Slice;
