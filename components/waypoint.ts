import * as pulumi from "@pulumi/pulumi";
import { waypointName } from "../config/vocabulary";
import type { Proxies } from "./rollout";
import { waypointGateway } from "./waypoint-gateway";

/** The L7 proxy of the Services that name it; here appb alone. */
export class Waypoint extends pulumi.ComponentResource {
  constructor(name: string, proxies: Proxies, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:mesh:Waypoint", name, { istio: proxies.istio }, opts);
    waypointGateway(name, { gateway: waypointName }, proxies, { prefix: name, parent: this });
    this.registerOutputs();
  }
}
