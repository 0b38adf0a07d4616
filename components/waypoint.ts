import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { appNamespace, waypointName } from "./names";
import { ownAnnotations, type Proxies, rollout } from "./rollout";

/** The L7 proxy of the Services that name it; here appb alone. */
export class Waypoint extends pulumi.ComponentResource {
  constructor(name: string, proxies: Proxies, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:mesh:Waypoint", name, {}, opts);
    const gateway = new k8s.apiextensions.CustomResource(
      `${name}-gateway`,
      {
        apiVersion: "gateway.networking.k8s.io/v1",
        kind: "Gateway",
        metadata: {
          name: waypointName,
          namespace: appNamespace,
          labels: { "istio.io/waypoint-for": "service" },
          annotations: { "pulumi.com/waitFor": "condition=Programmed" },
        },
        spec: {
          gatewayClassName: "istio-waypoint",
          infrastructure: ownAnnotations,
          listeners: [
            { name: "mesh", port: 15008, protocol: "HBONE", allowedRoutes: { namespaces: { from: "Same" } } },
          ],
        },
      },
      { parent: this },
    );
    const dependsOn = [gateway, ...(proxies.after ?? [])];
    rollout(`${name}-rollout`, waypointName, proxies.istio, { parent: this, dependsOn });
    this.registerOutputs();
  }
}
