import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { labelKeys, waypointName } from "../config/vocabulary";
import { child } from "./child";
import { serviceArgs, type WorkloadImage, workload } from "./workload";

/** A workload of the demo. */
interface DemoApp {
  name: string;
  /** Labels of its Service. @default it has no Service */
  service?: Record<string, string>;
  /** Whether its pods are in the mesh. */
  mesh: boolean;
}

/** The workloads: the two apps of the story, and two whose requests are refused. */
const demoApps: readonly DemoApp[] = [
  { name: "appa", mesh: true, service: {} },
  {
    name: "appb",
    mesh: true,
    service: {
      // ztunnel uses the waypoint because of the first label, the gateway only because of the second.
      [labelKeys.useWaypoint]: waypointName,
      [labelKeys.ingressUseWaypoint]: "true",
    },
  },
  { name: "stranger", mesh: true },
  { name: "outsider", mesh: false },
];

/** appa and appb of the story, a stranger (in the mesh, not allowed by the policy) and an outsider (not in the mesh). */
export class DemoApps extends pulumi.ComponentResource {
  constructor(name: string, image: WorkloadImage, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:apps:DemoApps", name, { image: image.image }, opts);
    for (const app of demoApps) {
      const own = { prefix: name, parent: this };
      const deployment = workload(app, image, own);
      if (app.service) {
        const service = serviceArgs({ name: app.name, pods: app.name, labels: app.service });
        new k8s.core.v1.Service(...child(`${app.name}-service`, { ...own, dependsOn: deployment }, service));
      }
    }
    this.registerOutputs();
  }
}
