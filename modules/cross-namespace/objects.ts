import type { Slice } from "../slice";

/** The second namespace of the mesh. */
export const namespace = "second";
/** Waypoint of the second namespace. */
export const ownWaypoint = "second-waypoint";
/** Waypoint of the apps' namespace that admits Services of the second namespace. */
export const sharedWaypoint = "shared-waypoint";

export const crossNamespace = {
  objects: {
    "Namespace/second": "ztunnel",
    "Deployment/appe": { layer: "app", namespace },
    "Deployment/second-appa": { layer: "app", namespace, name: "appa" },
    "Service/appe": { layer: "waypoint", namespace },
    "Service/appe-shared": { layer: "waypoint", namespace },
    "Service/appe-unadmitted": { layer: "waypoint", namespace },
    "Gateway/second-waypoint": { layer: "waypoint", namespace },
    "Deployment/second-waypoint": { layer: "waypoint", namespace },
    "Gateway/shared-waypoint": "waypoint",
    "Deployment/shared-waypoint": "waypoint",
    "AuthorizationPolicy/appe-l7": { layer: "waypoint", namespace },
    "AuthorizationPolicy/appe-shared-l7": { layer: "waypoint", namespace },
    "AuthorizationPolicy/appe-waypoint-only": { layer: "ztunnel", namespace },
    "AuthorizationPolicy/appe-shared-only": { layer: "ztunnel", namespace },
  },
  workloads: {
    appe: { namespace, mesh: true, policy: "AuthorizationPolicy/appe-waypoint-only" },
    "second-appa": { namespace, app: "appa", mesh: true, client: true },
  },
  waypoints: { [ownWaypoint]: { namespace }, [sharedWaypoint]: {} },
  services: {
    appe: { pods: "appe", namespace, waypoint: ownWaypoint, policy: "AuthorizationPolicy/appe-l7" },
    "appe-shared": { pods: "appe", namespace, waypoint: sharedWaypoint, policy: "AuthorizationPolicy/appe-shared-l7" },
    "appe-unadmitted": { pods: "appe", namespace },
  },
} as const satisfies Slice;
