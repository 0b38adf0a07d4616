import type { Slice } from "../slice";

export const strictMtls = {
  objects: {
    "Deployment/appf": "app",
    "Deployment/appg": "app",
    "DaemonSet/sniffer": "nodes",
    "PeerAuthentication/appf-strict": "ztunnel",
  },
  workloads: {
    appf: { mesh: true, peerAuthentication: "PeerAuthentication/appf-strict" },
    appg: { mesh: true },
    sniffer: { container: "sniffer", layer: "nodes" },
  },
  services: { appf: { pods: "appf" }, appg: { pods: "appg" } },
} as const satisfies Slice;
