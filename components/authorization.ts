import { type Caller, type Method, principalOf, serviceAccountOf, waypointName } from "../config/vocabulary";
import type { Specs } from "./custom-resource";

/** Who may call, and how. */
export interface CallerRules {
  /** An empty list denies every caller. */
  allowedCallers: readonly Caller[];
  allowedMethods: readonly Method[];
}

/** An ALLOW policy of the waypoint. Without a rule it allows nobody: that is what an empty list of callers asks for. */
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
 * A policy on pods that lets in the waypoint alone. A pod that dials them, or is not in the mesh, never meets the
 * waypoint: their own ztunnel must refuse it.
 */
export function waypointOnlySpec(pods: string, waypoint = principalOf(waypointName)): Specs["AuthorizationPolicy"] {
  return {
    selector: { matchLabels: { app: pods } },
    action: "ALLOW",
    rules: [{ from: [{ source: { principals: [waypoint] } }] }],
  };
}
