/** Namespace of the demo's apps, gateway and waypoint. */
export const appNamespace = "default";
/** Namespace of Istio and the addons. */
export const meshNamespace = "istio-system";
/** Trust domain of the mesh; principals in policies are written without `spiffe://`. */
const trustDomain = "cluster.local";
/** Name of the ingress Gateway; istiod names what it generates for it `<name>-istio`. */
export const gatewayName = "gateway";
/** Name of the waypoint's Gateway, Deployment, Service and ServiceAccount. */
export const waypointName = "waypoint";
/** Port of the apps' Services, and the one the container listens on. */
export const appPort = { service: 8000, container: 8080 } as const;

/** Identity of a ServiceAccount, by default one in {@link appNamespace}, as AuthorizationPolicies write it. */
export function principal(serviceAccount: string, namespace = appNamespace): string {
  return `${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
}

/** ServiceAccount of a caller that the config names. The gateway runs under the one that istiod makes. */
export function serviceAccountOf(caller: string): string {
  return caller === "gateway" ? `${gatewayName}-istio` : caller;
}
