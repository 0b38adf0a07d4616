/**
 * Names, identities, ports, labels and units that configuration, components, experiments, verifier and command line share.
 * Each value is defined here and nowhere else. This file imports nothing.
 */

/** Callers that the policy of appb can allow. `gateway` is the identity of the ingress gateway, the others are ServiceAccounts. */
export const callers = ["appa", "gateway", "stranger"] as const;
export type Caller = (typeof callers)[number];

/** HTTP methods that the policy of appb can allow. */
export const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
export type Method = (typeof methods)[number];

/** Addons, each installed from the manifest of the same Istio tag. */
export const addonNames = ["prometheus", "grafana", "jaeger", "kiali"] as const;
export type AddonName = (typeof addonNames)[number];

/** Parts of the lab that decide the result of a request, or that can cause a failure. */
export const layers = [
  "client",
  "api-server",
  "nodes",
  "load-balancer",
  "gateway-api",
  "istiod",
  "istio-cni",
  "ztunnel",
  "gateway",
  "waypoint",
  "sidecar",
  "app",
  "prometheus",
  "grafana",
  "jaeger",
  "kiali",
] as const;
export type Layer = (typeof layers)[number];

/** Namespace of the demo's apps, gateway and waypoint. */
export const appNamespace = "default";
/** Namespace of Istio and the addons; Istio's root namespace. */
export const meshNamespace = "istio-system";
/** Namespace of MetalLB. */
export const metallbNamespace = "metallb-system";

/** Name of the ingress Gateway. */
export const gatewayName = "gateway";
/** Name of the Deployment, Service and ServiceAccount that istiod generates for the ingress Gateway. */
export const gatewayWorkload = `${gatewayName}-istio`;
/** Name of the waypoint's Gateway, Deployment, Service and ServiceAccount. */
export const waypointName = "waypoint";

/** DNS suffix of Services, and trust domain of the mesh. */
const clusterDomain = "cluster.local";

/** Name of a Service inside the cluster. */
export const serviceHost = (service: string, namespace: string = appNamespace): string =>
  `${service}.${namespace}.svc.${clusterDomain}`;

/** Identity of a ServiceAccount as AuthorizationPolicies write it; certificates, metrics and logs prefix it with "spiffe://". */
export const principalOf = (serviceAccount: string, namespace: string = appNamespace): string =>
  `${clusterDomain}/ns/${namespace}/sa/${serviceAccount}`;

/** ServiceAccount of a caller. istiod generates that of the gateway. */
export const serviceAccountOf = (caller: Caller): string => (caller === "gateway" ? gatewayWorkload : caller);

/** Ports of the apps and of the mesh. */
export const ports = {
  /** Services of the apps. */
  service: 8000,
  /** Containers of the apps. */
  container: 8080,
  /** ztunnel and waypoints: HTTP CONNECT over mutual TLS (HBONE). */
  hbone: 15008,
  /** Merged Prometheus metrics of an Istio proxy. */
  metrics: 15020,
  /** Admin interface of Envoy and ztunnel, on the pod's loopback address. */
  admin: 15000,
} as const;

/** Istio's name of the Envoy cluster to which a proxy sends the requests for a Service. */
export const outboundCluster = (host: string, port: number = ports.service): string => `outbound|${port}||${host}`;

/** Istio's name of a Service's HTTP filter chain at its waypoint, and of the Envoy cluster of the Service's pods there. */
export const inboundCluster = (host: string): string => `inbound-vip|${ports.service}|http|${host}`;

/** Labels that Istio, the Gateway API and the lab read. */
export const labelKeys = {
  /** "ambient" adds a namespace or pod to the mesh, "none" excludes a pod. */
  dataplaneMode: "istio.io/dataplane-mode",
  /** Waypoint to which callers in the mesh send the requests for a Service. */
  useWaypoint: "istio.io/use-waypoint",
  /** Namespace of that waypoint. */
  useWaypointNamespace: "istio.io/use-waypoint-namespace",
  /** "true" makes gateways use the waypoint as well. */
  ingressUseWaypoint: "istio.io/ingress-use-waypoint",
  /** "true" puts a sidecar into a pod. */
  inject: "sidecar.istio.io/inject",
  /** Kind of destination that a waypoint serves. */
  waypointFor: "istio.io/waypoint-for",
  /** Revision of istiod, or its tag, that handles an object or a namespace. */
  revision: "istio.io/rev",
  /** Gateway for which istiod generated a pod. */
  gatewayName: "gateway.networking.k8s.io/gateway-name",
  /** Stack whose lab created a Namespace, Deployment or Service. */
  stack: "ambient-lab/stack",
} as const;

/** Annotations that the lab writes. */
export const annotationKeys = {
  /** Pulumi Kubernetes: condition to wait for. */
  waitFor: "pulumi.com/waitFor",
  /** Pulumi Kubernetes: "true" skips the wait. */
  skipAwait: "pulumi.com/skipAwait",
  /** Id of the image in a pod template: a new image restarts the pods. */
  imageId: "ambient-lab/image-id",
  /** Stack and owner of the lab that created an object, in an existing cluster. */
  owner: "ambient-lab/owner",
  /** Rule of the policy pack that an object violates on purpose. */
  onPurpose: "ambient-lab/on-purpose",
  /** Original of an object that the verifier changed; a later run restores the object from it. */
  original: "ambient-lab.dev/verify-original",
} as const;

/** Name of the verifier in `metadata.managedFields` of the objects that it changes. */
export const fieldManager = "ambient-lab-verify";

/** Least kernel limits on every node: istio-cni, ztunnel and kubelet watch many files. */
export const nodeSysctls = {
  "fs.inotify.max_user_instances": 1024,
  "fs.inotify.max_user_watches": 1_048_576,
} as const;

/** apiVersion of the kinds that the lab declares or reads. */
export const apiVersions = {
  Namespace: "v1",
  Secret: "v1",
  Service: "v1",
  Deployment: "apps/v1",
  DaemonSet: "apps/v1",
  Gateway: "gateway.networking.k8s.io/v1",
  GatewayClass: "gateway.networking.k8s.io/v1",
  HTTPRoute: "gateway.networking.k8s.io/v1",
  AuthorizationPolicy: "security.istio.io/v1",
  PeerAuthentication: "security.istio.io/v1",
  RequestAuthentication: "security.istio.io/v1",
  DestinationRule: "networking.istio.io/v1",
  ServiceEntry: "networking.istio.io/v1",
  VirtualService: "networking.istio.io/v1",
  EnvoyFilter: "networking.istio.io/v1alpha3",
  IPAddressPool: "metallb.io/v1beta1",
  L2Advertisement: "metallb.io/v1beta1",
} as const;
export type Kind = keyof typeof apiVersions;

/** Milliseconds of a duration such as "2s", "0.5s" or "500ms". */
export const durationMs = (duration: string): number =>
  Math.round(Number.parseFloat(duration) * (duration.endsWith("ms") ? 1 : 1000));
