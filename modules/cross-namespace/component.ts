import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { waypointOnlySpec } from "../../components/authorization";
import { child } from "../../components/child";
import type { Specs } from "../../components/custom-resource";
import { appNamespace, principal, waypointName } from "../../components/names";
import { waypointGateway } from "../../components/waypoint-gateway";
import { workload } from "../../components/workload";
import type { ModuleArgs } from "../components";
import { moduleObject, moduleService, onPurpose } from "../resources";

/** The second namespace of the mesh. */
const namespace = "second";
const [ownWaypoint, sharedWaypoint] = ["second-waypoint", "shared-waypoint"];

/** Labels of a Service whose callers meet a waypoint of the apps' namespace. */
const through = (waypoint: string) => ({
  "istio.io/use-waypoint": waypoint,
  "istio.io/use-waypoint-namespace": appNamespace,
});

/**
 * A second namespace of the mesh. appe answers there under three names: one goes through the waypoint of its own
 * namespace, one through a waypoint of the first namespace that admits it, one asks for a waypoint that does not.
 */
export class CrossNamespace extends pulumi.ComponentResource {
  constructor(name: string, args: ModuleArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:modules:CrossNamespace", name, { image: args.image }, opts);
    const mesh = { metadata: { name: namespace, labels: { "istio.io/dataplane-mode": "ambient" } } };
    const own = { prefix: name, parent: this };
    const within = new k8s.core.v1.Namespace(...child(`${namespace}-namespace`, own, mesh));
    const inside = { prefix: name, parent: this, dependsOn: within };
    const server = workload({ name: "appe", mesh: true, namespace, within }, args, own);
    workload({ name: "appa", mesh: true, namespace, within }, args, own);
    const front = (front: string, labels: Record<string, string>, annotations?: Record<string, string>) => {
      const settings = { name: front, pods: "appe", namespace, labels, ...(annotations ? { annotations } : {}) };
      moduleService(settings, { ...own, dependsOn: server });
    };
    front("appe", { "istio.io/use-waypoint": ownWaypoint });
    front("appe-shared", through(sharedWaypoint));
    front("appe-unadmitted", through(waypointName), onPurpose("waypoint-only"));
    waypointGateway(ownWaypoint, { gateway: ownWaypoint, namespace }, args.proxies, inside);
    waypointGateway(sharedWaypoint, { gateway: sharedWaypoint, admits: namespace }, args.proxies, inside);
    for (const service of ["appe", "appe-shared"])
      moduleObject("AuthorizationPolicy", `${service}-l7`, callersSpec(service), inside, { namespace });
    const guards = {
      "appe-waypoint-only": principal(ownWaypoint, namespace),
      "appe-shared-only": principal(sharedWaypoint),
    };
    for (const [policy, waypoint] of Object.entries(guards))
      moduleObject("AuthorizationPolicy", policy, waypointOnlySpec("appe", waypoint), inside, { namespace });
    this.registerOutputs();
  }
}

/** Both appas may GET: two identities that differ in their namespace alone. */
const callersSpec = (service: string): Specs["AuthorizationPolicy"] => ({
  targetRefs: [{ group: "", kind: "Service", name: service }],
  action: "ALLOW",
  rules: [
    {
      from: [{ source: { principals: [principal("appa"), principal("appa", namespace)] } }],
      to: [{ operation: { methods: ["GET"] } }],
    },
  ],
});
