import * as pulumi from "@pulumi/pulumi";
import { waypointName } from "../config/vocabulary";
import type { Proxies } from "./rollout";
import { waypointGateway } from "./waypoint-gateway";

/** The layer 7 proxy of appb: a Gateway of class `istio-waypoint`, with its Deployment awaited. */
export class Waypoint extends pulumi.ComponentResource {
  constructor(name: string, proxies: Proxies, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:mesh:Waypoint", name, { istio: proxies.istio }, opts);
    waypointGateway(name, { gateway: waypointName }, proxies, { prefix: name, parent: this });
    this.registerOutputs();
  }
}
