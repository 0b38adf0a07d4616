import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { annotationKeys, apiVersions, appNamespace, labelKeys, ports } from "../config/vocabulary";
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

/** A waypoint for Services: its Gateway, and the wait for the Deployment that istiod makes of it. */
export function waypointGateway(
  name: string,
  { gateway: called, namespace = appNamespace, className = "istio-waypoint", admits }: WaypointSettings,
  proxies: Proxies,
  opts: pulumi.CustomResourceOptions,
): pulumi.Resource {
  const gateway = new k8s.apiextensions.CustomResource(
    `${name}-gateway`,
    {
      apiVersion: apiVersions.Gateway,
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
    opts,
  );
  const dependsOn = [gateway, ...(proxies.after ?? [])];
  return rollout(`${name}-rollout`, called, proxies.istio, { parent: opts.parent, dependsOn }, namespace);
}

/** The API server puts the label with its name on every namespace. */
const admitted = (namespace: string | undefined) =>
  namespace
    ? { from: "Selector", selector: { matchLabels: { "kubernetes.io/metadata.name": namespace } } }
    : { from: "Same" };
