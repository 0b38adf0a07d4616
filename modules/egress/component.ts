import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { child } from "../../components/child";
import type { Specs } from "../../components/custom-resource";
import { waypointGateway } from "../../components/waypoint-gateway";
import { workload } from "../../components/workload";
import { labelKeys, ports, principalOf } from "../../config/vocabulary";
import type { ModuleArgs } from "../args";
import { moduleObject, moduleService } from "../resources";
import { hosts, namespace, outside, serverHost, waypoint } from "./objects";

/**
 * Egress from the mesh: two hosts that only ServiceEntries define, one waypoint for both, and a policy for each. One server
 * outside the mesh answers for both in place of the Internet, since a lab sends nothing to other machines.
 */
export class Egress extends pulumi.ComponentResource {
  constructor(name: string, args: ModuleArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:modules:Egress", name, { image: args.image }, opts);
    const own = { prefix: name, parent: this };
    const made = (each: string) =>
      new k8s.core.v1.Namespace(...child(`${each}-namespace`, own, { metadata: { name: each } }));
    const [here, there] = [made(namespace), made(outside)];
    const inside = { prefix: name, parent: this, dependsOn: here };
    const server = workload({ name: "external", mesh: false, namespace: outside, within: there }, args, own);
    const service = moduleService(
      { name: "external", pods: "external", namespace: outside },
      { ...own, dependsOn: server },
    );
    waypointGateway(waypoint, { gateway: waypoint, namespace }, args.proxies, inside);
    // The waypoint resolves the server's address at once, and retries only after a minute.
    for (const host of ["partner", "forbidden"] as const)
      moduleObject(
        "ServiceEntry",
        host,
        serviceEntrySpec(hosts[host]),
        { ...own, dependsOn: [here, service] },
        {
          namespace,
          labels: { [labelKeys.useWaypoint]: waypoint },
        },
      );
    moduleObject("AuthorizationPolicy", "partner-l7", partnerSpec, inside, { namespace });
    moduleObject("AuthorizationPolicy", "forbidden-deny", forbiddenSpec, inside, { namespace });
    this.registerOutputs();
  }
}

/** A host outside the mesh. The waypoint resolves its address; callers get a virtual address of istiod's from their ztunnel. */
function serviceEntrySpec(host: string): Specs["ServiceEntry"] {
  return {
    hosts: [host],
    location: "MESH_EXTERNAL",
    resolution: "DNS",
    ports: [{ number: ports.service, name: "http", protocol: "HTTP" }],
    endpoints: [{ address: serverHost }],
  };
}

const on = (entry: string): Specs["AuthorizationPolicy"]["targetRefs"] => [
  { group: "networking.istio.io", kind: "ServiceEntry", name: entry },
];

const partnerSpec: Specs["AuthorizationPolicy"] = {
  targetRefs: on("partner"),
  action: "ALLOW",
  rules: [{ from: [{ source: { principals: [principalOf("appa")] } }], to: [{ operation: { methods: ["GET"] } }] }],
};

const forbiddenSpec: Specs["AuthorizationPolicy"] = {
  targetRefs: on("forbidden"),
  action: "DENY",
  rules: [{ to: [{ operation: { paths: ["*"] } }] }],
};
