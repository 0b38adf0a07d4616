import { type Caller, type Method, principalOf, serviceAccountOf, waypointName } from "../config/vocabulary";
import type { Specs } from "./custom-resource";

/** The callers and methods that a policy allows. */
export interface CallerRules {
  /** An empty list denies every caller. */
  allowedCallers: readonly Caller[];
  allowedMethods: readonly Method[];
}

/** An ALLOW policy at the waypoint. With an empty list of callers it has no rule, and so denies every request. */
export function l7PolicySpec(
  { allowedCallers, allowedMethods }: CallerRules,
  services: readonly string[] = ["appb"],
): Specs["AuthorizationPolicy"] {
  const principals = allowedCallers.map((caller) => principalOf(serviceAccountOf(caller)));
  const rule = { from: [{ source: { principals } }], to: [{ operation: { methods: [...allowedMethods] } }] };
  return {
    targetRefs: services.map((name) => ({ group: "", kind: "Service", name })),
    action: "ALLOW",
    ...(principals.length > 0 ? { rules: [rule] } : {}),
  };
}

/**
 * A policy on pods that allows only the waypoint. Requests to a pod's address, or from outside the mesh, bypass the waypoint:
 * the ztunnel of the pods must refuse them.
 */
export function waypointOnlySpec(pods: string, waypoint = principalOf(waypointName)): Specs["AuthorizationPolicy"] {
  return {
    selector: { matchLabels: { app: pods } },
    action: "ALLOW",
    rules: [{ from: [{ source: { principals: [waypoint] } }] }],
  };
}
