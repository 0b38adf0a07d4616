import * as pulumi from "@pulumi/pulumi";
import { workload } from "../../components/workload";
import { principalOf, waypointName } from "../../config/vocabulary";
import type { ModuleArgs } from "../args";
import { moduleObject, moduleService, onPurpose, throughWaypoint } from "../resources";

const stranger = [{ source: { principals: [principalOf("stranger")] } }];

/**
 * appc, which refuses the stranger twice: at its own ztunnel for Service appc, at the waypoint for Service appc-l7. And appd,
 * whose policy on pods names an HTTP method, which ztunnel cannot evaluate.
 */
export class Layers extends pulumi.ComponentResource {
  constructor(name: string, image: ModuleArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:modules:Layers", name, { image: image.image }, opts);
    const own = { prefix: name, parent: this };
    for (const app of ["appc", "appd"]) {
      const pods = workload({ name: app, mesh: true }, image, own);
      moduleService({ name: app, pods: app }, { ...own, dependsOn: pods });
    }
    const l7 = { name: "appc-l7", pods: "appc", labels: throughWaypoint, annotations: onPurpose("waypoint-only") };
    moduleService(l7, own);
    moduleObject(
      "AuthorizationPolicy",
      "appc-l4-deny",
      { selector: { matchLabels: { app: "appc" } }, action: "DENY", rules: [{ from: stranger }] },
      own,
    );
    moduleObject(
      "AuthorizationPolicy",
      "appc-l7-deny",
      { targetRefs: [{ group: "", kind: "Service", name: "appc-l7" }], action: "DENY", rules: [{ from: stranger }] },
      own,
    );
    moduleObject(
      "AuthorizationPolicy",
      "appd-misplaced",
      {
        selector: { matchLabels: { app: "appd" } },
        action: "ALLOW",
        rules: [
          {
            from: [{ source: { principals: [principalOf("appa"), principalOf(waypointName)] } }],
            to: [{ operation: { methods: ["GET"] } }],
          },
        ],
      },
      own,
      { annotations: onPurpose("layer-7-by-target") },
    );
    this.registerOutputs();
  }
}
