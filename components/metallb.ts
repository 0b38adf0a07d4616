import * as pulumi from "@pulumi/pulumi";
import ipaddr from "ipaddr.js";
import { metallbNamespace } from "../config/vocabulary";
import { addressNumber, addressText } from "../host/subnets";
import { bundle } from "./bundle";
import { customResource } from "./custom-resource";

export interface MetalLbArgs {
  /** Chart folder of the MetalLB manifest. */
  chart: string;
  /** IPv4 addresses to hand out: "10.0.0.200-10.0.0.210" or a subnet. */
  addresses: pulumi.Input<string>;
}

/** MetalLB, for a cluster without a load balancer: announces Service addresses of the nodes' network by ARP. */
export class MetalLb extends pulumi.ComponentResource {
  constructor(name: string, args: MetalLbArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:network:MetalLb", name, args, opts);
    const namespace = metallbNamespace;
    const release = bundle("metallb", { chart: args.chart, namespace: "kube-system" }, { prefix: name, parent: this });
    const pool = customResource(
      `${name}-pool`,
      {
        kind: "IPAddressPool",
        metadata: { name: "lab", namespace },
        spec: { addresses: [args.addresses] },
      },
      { prefix: name, parent: this, dependsOn: release },
    );
    customResource(
      `${name}-advertisement`,
      {
        kind: "L2Advertisement",
        metadata: { name: "lab", namespace },
        spec: { ipAddressPools: [pool.metadata.name] },
      },
      { prefix: name, parent: this },
    );
    this.registerOutputs();
  }
}

/**
 * The address pool in the subnet of a kind lab: 51 addresses near its end, or the last quarter of a subnet smaller than /24.
 * Docker assigns the nodes' addresses from the low end, so that they are not in the pool.
 * @throws RangeError for a subnet smaller than /28
 */
export function addressRange(subnet: string): string {
  const [, prefix] = ipaddr.IPv4.parseCIDR(subnet);
  if (prefix > 28) throw new RangeError(`Cannot take a pool from ${subnet}: it needs at least 16 addresses`);
  const size = 2 ** (32 - prefix);
  const last = addressNumber(ipaddr.IPv4.networkAddressFromCIDR(subnet)) + size - 1;
  const from = size >= 256 ? last - 55 : last - size / 4;
  return `${addressText(from)}-${addressText(size >= 256 ? last - 5 : last - 1)}`;
}
