import { versions } from "../../config/versions";
import type { Slice } from "../slice";

/** The server: Kubernetes' own image for tests. */
export const image = `registry.k8s.io/e2e-test-images/agnhost:${versions.agnhost}`;

/** gRPC's own health service: its port and its methods. */
export const health = {
  /** Port of the server in its pod, and of the Services of the module `cost`. */
  port: 5000,
  /** The only method that the policy allows. */
  allowed: "/grpc.health.v1.Health/Check",
  /** The server answers it as well, with the status "unimplemented". */
  other: "/grpc.health.v1.Health/List",
  /** The log line of the server for each {@link allowed} call. */
  served: "Serving the Check request",
} as const;

export const grpc = {
  objects: {
    "Deployment/grpc": "app",
    "Service/grpc": "waypoint",
    "AuthorizationPolicy/grpc-l7": "waypoint",
    "AuthorizationPolicy/grpc-waypoint-only": "ztunnel",
  },
  workloads: { grpc: { container: "grpc", mesh: true, policy: "AuthorizationPolicy/grpc-waypoint-only" } },
  services: { grpc: { pods: "grpc", policy: "AuthorizationPolicy/grpc-l7" } },
  images: () => [image],
} as const satisfies Slice;
