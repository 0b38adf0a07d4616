import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { waypointOnlySpec } from "../../components/authorization";
import { child } from "../../components/child";
import type { Specs } from "../../components/custom-resource";
import { waypointGateway } from "../../components/waypoint-gateway";
import { workload } from "../../components/workload";
import { appNamespace, labelKeys, principalOf, waypointName } from "../../config/vocabulary";
import type { ModuleArgs } from "../args";
import { moduleObject, moduleService, onPurpose } from "../resources";
import { namespace, ownWaypoint, sharedWaypoint } from "./objects";

/** Labels of a Service that uses a waypoint of the apps' namespace. */
const through = (waypoint: string) => ({
  [labelKeys.useWaypoint]: waypoint,
  [labelKeys.useWaypointNamespace]: appNamespace,
});

/**
 * A second namespace of the mesh. appe has three Services there: one uses the waypoint of its own namespace, one a waypoint of
 * the first namespace that admits it, and one names a waypoint that does not admit it.
 */
export class CrossNamespace extends pulumi.ComponentResource {
  constructor(name: string, args: ModuleArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:modules:CrossNamespace", name, { image: args.image }, opts);
    const mesh = { metadata: { name: namespace, labels: { [labelKeys.dataplaneMode]: "ambient" } } };
    const own = { prefix: name, parent: this };
    const within = new k8s.core.v1.Namespace(...child(`${namespace}-namespace`, own, mesh));
    const inside = { prefix: name, parent: this, dependsOn: within };
    const server = workload({ name: "appe", mesh: true, namespace, within }, args, own);
    workload({ name: "appa", mesh: true, namespace, within }, args, own);
    const front = (front: string, labels: Record<string, string>, annotations?: Record<string, string>) => {
      const settings = { name: front, pods: "appe", namespace, labels, ...(annotations ? { annotations } : {}) };
      moduleService(settings, { ...own, dependsOn: server });
    };
    front("appe", { [labelKeys.useWaypoint]: ownWaypoint });
    front("appe-shared", through(sharedWaypoint));
    front("appe-unadmitted", through(waypointName), onPurpose("waypoint-only"));
    waypointGateway(ownWaypoint, { gateway: ownWaypoint, namespace }, args.proxies, inside);
    waypointGateway(sharedWaypoint, { gateway: sharedWaypoint, admits: namespace }, args.proxies, inside);
    for (const service of ["appe", "appe-shared"])
      moduleObject("AuthorizationPolicy", `${service}-l7`, callersSpec(service), inside, { namespace });
    const guards = {
      "appe-waypoint-only": principalOf(ownWaypoint, namespace),
      "appe-shared-only": principalOf(sharedWaypoint),
    };
    for (const [policy, waypoint] of Object.entries(guards))
      moduleObject("AuthorizationPolicy", policy, waypointOnlySpec("appe", waypoint), inside, { namespace });
    this.registerOutputs();
  }
}

/** appa of both namespaces may GET: two identities that differ only in the namespace. */
const callersSpec = (service: string): Specs["AuthorizationPolicy"] => ({
  targetRefs: [{ group: "", kind: "Service", name: service }],
  action: "ALLOW",
  rules: [
    {
      from: [{ source: { principals: [principalOf("appa"), principalOf("appa", namespace)] } }],
      to: [{ operation: { methods: ["GET"] } }],
    },
  ],
});
