import * as pulumi from "@pulumi/pulumi";
import { bundle } from "./bundle";

export interface GatewayApiArgs {
  /** Chart folder of the Gateway API bundle, standard channel. */
  chart: string;
}

/** The CRDs of the Gateway API, and their admission policy against older and experimental versions. */
export class GatewayApi extends pulumi.ComponentResource {
  constructor(name: string, args: GatewayApiArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:network:GatewayApi", name, args, opts);
    bundle("gateway-api", { chart: args.chart, namespace: "kube-system" }, { prefix: name, parent: this });
    this.registerOutputs();
  }
}
