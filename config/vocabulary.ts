/**
 * Names, identities, ports, labels and units that configuration, components, experiments, verifier and command line share.
 * Each value is defined here and nowhere else. This file imports nothing.
 */

/** Callers the demo's policy can name. `gateway` is the ingress gateway's identity, the others are ServiceAccounts. */
export const callers = ["appa", "gateway", "stranger"] as const;
export type Caller = (typeof callers)[number];

/** HTTP methods the demo's policy can allow. */
export const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
export type Method = (typeof methods)[number];

/** Addons the lab can install, each from the manifest of the same Istio tag. */
export const addonNames = ["prometheus", "grafana", "jaeger", "kiali"] as const;
export type AddonName = (typeof addonNames)[number];

/** Parts of the lab that decide how a request ends, or that can be the cause of a failure. */
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
/** Name of what istiod generates for the ingress Gateway: Deployment, Service and ServiceAccount. */
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

/** ServiceAccount of a caller. The gateway runs under the one that istiod generates. */
export const serviceAccountOf = (caller: Caller): string => (caller === "gateway" ? gatewayWorkload : caller);

/** Ports of the demo and of the mesh. */
export const ports = {
  /** Of the apps' Services. */
  service: 8000,
  /** That the apps' containers listen on. */
  container: 8080,
  /** Of ztunnel and of waypoints: HTTP CONNECT over mutual TLS (HBONE). */
  hbone: 15008,
  /** Of an Istio proxy's merged Prometheus metrics. */
  metrics: 15020,
  /** Of the admin interface of Envoy and ztunnel, on the pod's loopback address. */
  admin: 15000,
} as const;

/** Istio's name for the Envoy cluster of a Service: where a proxy sends the Service's requests. */
export const outboundCluster = (host: string, port: number = ports.service): string => `outbound|${port}||${host}`;

/** Istio's name for a Service at its waypoint: of its HTTP filter chain, and of the Envoy cluster of its own pods. */
export const inboundCluster = (host: string): string => `inbound-vip|${ports.service}|http|${host}`;

/** Labels that Istio, the Gateway API and the lab itself read. */
export const labelKeys = {
  /** "ambient" puts a namespace or pod into the mesh, "none" keeps a pod out of it. */
  dataplaneMode: "istio.io/dataplane-mode",
  /** Waypoint that callers inside the mesh send the requests for a Service to. */
  useWaypoint: "istio.io/use-waypoint",
  /** Namespace of that waypoint. */
  useWaypointNamespace: "istio.io/use-waypoint-namespace",
  /** "true" makes gateways use the waypoint as well. */
  ingressUseWaypoint: "istio.io/ingress-use-waypoint",
  /** Kind of destination that a waypoint serves. */
  waypointFor: "istio.io/waypoint-for",
  /** Revision of istiod, or a tag of it, that an object or a namespace is for. */
  revision: "istio.io/rev",
  /** Gateway that istiod generated a pod for. */
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
  /** Id of the image in a pod template: a new image rolls the pods. */
  imageId: "ambient-lab/image-id",
  /** Stack and owner of the lab that made an object, in a cluster that the lab did not make. */
  owner: "ambient-lab/owner",
  /** Policy pack rule that an object violates on purpose. */
  onPurpose: "ambient-lab/on-purpose",
  /** Original of an object that the verifier changed; a later run restores the object from it. */
  original: "ambient-lab.dev/verify-original",
} as const;

/** Name of the verifier in `metadata.managedFields` of the objects that it changes. */
export const fieldManager = "ambient-lab-verify";

/** Kernel limits the lab needs on every node: istio-cni, ztunnel and kubelet watch many files. */
export const nodeSysctls = {
  "fs.inotify.max_user_instances": 1024,
  "fs.inotify.max_user_watches": 1_048_576,
} as const;

/** apiVersion of each kind that the lab declares or reads by name. */
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
