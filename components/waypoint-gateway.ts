import type * as pulumi from "@pulumi/pulumi";
import { annotationKeys, appNamespace, labelKeys, ports } from "../config/vocabulary";
import type { ChildOptions } from "./child";
import { customResource, type Specs } from "./custom-resource";
import { ownAnnotations, type Proxies, rollout } from "./rollout";

/** Name, place and users of a waypoint. */
export interface WaypointSettings {
  /** Name of the Gateway; istiod gives it to the Deployment, the Service and the ServiceAccount as well. */
  gateway: string;
  /** @default the apps' namespace */
  namespace?: string;
  /** GatewayClass. @default Istio's own waypoint, an Envoy */
  className?: string;
  /** Another namespace whose Services may use it. @default none */
  admits?: string;
}

/** A waypoint for Services: its Gateway, and the wait for the Deployment that istiod generates. */
export function waypointGateway(
  name: string,
  { gateway: called, namespace = appNamespace, className = "istio-waypoint", admits }: WaypointSettings,
  proxies: Proxies,
  options: ChildOptions,
): pulumi.Resource {
  const gateway = customResource(
    `${name}-gateway`,
    {
      kind: "Gateway",
      metadata: {
        name: called,
        namespace,
        labels: { [labelKeys.waypointFor]: "service" },
        annotations: { [annotationKeys.waitFor]: "condition=Programmed" },
      },
      spec: {
        gatewayClassName: className,
        infrastructure: ownAnnotations,
        listeners: [
          { name: "mesh", port: ports.hbone, protocol: "HBONE", allowedRoutes: { namespaces: admitted(admits) } },
        ],
      },
    },
    options,
  );
  const dependsOn = [gateway, ...(proxies.after ?? [])];
  return rollout(`${name}-rollout`, called, proxies.istio, { ...options, dependsOn }, namespace);
}

type AllowedNamespaces = NonNullable<NonNullable<Specs["Gateway"]["listeners"][number]["allowedRoutes"]>["namespaces"]>;

/** Namespaces that may use the waypoint. The API server labels every namespace with its name. */
const admitted = (namespace: string | undefined): AllowedNamespaces =>
  namespace
    ? { from: "Selector", selector: { matchLabels: { "kubernetes.io/metadata.name": namespace } } }
    : { from: "Same" };
