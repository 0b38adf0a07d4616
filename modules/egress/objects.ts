import { serviceHost } from "../../config/vocabulary";
import type { Slice } from "../slice";

/** Namespace of the egress waypoint and its ServiceEntries. */
export const namespace = "egress";
/** Namespace of the server, which is not in the mesh. */
export const outside = "outside";
export const waypoint = "egress-waypoint";

/** Hosts of the ServiceEntries. `.example` is reserved: no DNS answers for it (RFC 2606). */
export const hosts = { partner: "partner.example", forbidden: "forbidden.example" } as const;
/** Address behind both. */
export const serverHost = serviceHost("external", outside);

export const egress = {
  objects: {
    "Namespace/egress": "ztunnel",
    "Namespace/outside": "ztunnel",
    "Deployment/external": { layer: "app", namespace: outside },
    "Service/external": { layer: "app", namespace: outside },
    "Gateway/egress-waypoint": { layer: "waypoint", namespace },
    "Deployment/egress-waypoint": { layer: "waypoint", namespace },
    "ServiceEntry/partner": { layer: "waypoint", namespace },
    "ServiceEntry/forbidden": { layer: "waypoint", namespace },
    "AuthorizationPolicy/partner-l7": { layer: "waypoint", namespace },
    "AuthorizationPolicy/forbidden-deny": { layer: "waypoint", namespace },
  },
  workloads: { external: { namespace: outside } },
  waypoints: { [waypoint]: { namespace } },
  services: {
    partner: { pods: "external", host: hosts.partner, waypoint, policy: "AuthorizationPolicy/partner-l7" },
    forbidden: { pods: "external", host: hosts.forbidden, waypoint },
    external: { pods: "external", host: serverHost, waypoint },
  },
} as const satisfies Slice;
