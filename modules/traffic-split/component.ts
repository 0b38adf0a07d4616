import * as pulumi from "@pulumi/pulumi";
import { l7PolicySpec, waypointOnlySpec } from "../../components/authorization";
import type { Specs } from "../../components/custom-resource";
import { appPort } from "../../components/names";
import { workload } from "../../components/workload";
import type { ModuleArgs } from "../components";
import { split } from "../numbers";
import { moduleObject, moduleService, throughWaypoint } from "../resources";

/**
 * appb in two versions behind one name. `appb-split` is a front of its own, so that appb and all that is proven of it stay
 * as they are: its first version are appb's own pods, its second one a workload of its own.
 */
export class Split extends pulumi.ComponentResource {
  constructor(name: string, args: ModuleArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super(
      "ambientlab:modules:Split",
      name,
      {
        image: args.image,
        allowedCallers: args.allowedCallers,
        allowedMethods: args.allowedMethods,
        splitWeight: args.splitWeight,
      },
      opts,
    );
    const own = { prefix: name, parent: this };
    const second = workload({ name: "appb-v2", mesh: true }, args, own);
    moduleService({ name: "appb-v1", pods: "appb" }, own);
    moduleService({ name: "appb-v2", pods: "appb-v2" }, { ...own, dependsOn: second });
    moduleService({ name: "appb-split", pods: "appb", labels: throughWaypoint }, own);
    moduleObject("AuthorizationPolicy", "appb-v2-waypoint-only", waypointOnlySpec("appb-v2"), own);
    moduleObject("AuthorizationPolicy", "appb-split-l7", l7PolicySpec(args, ["appb-split"]), own);
    moduleObject("HTTPRoute", "appb-split", splitSpec(args.splitWeight), own);
    this.registerOutputs();
  }
}

/** Routes of the front: the header first, then the copied path, then the weights. */
function splitSpec(weight: number): Specs["HTTPRoute"] {
  const port = appPort.service;
  const [first, second] = [
    { name: "appb-v1", port },
    { name: "appb-v2", port },
  ];
  return {
    parentRefs: [{ group: "", kind: "Service", name: "appb-split", port }],
    rules: [
      {
        matches: [{ headers: [{ type: "Exact", ...split.canary }] }],
        backendRefs: [second],
      },
      {
        matches: [{ path: { type: "PathPrefix", value: split.mirroredPath } }],
        filters: [{ type: "RequestMirror", requestMirror: { backendRef: second } }],
        backendRefs: [first],
      },
      {
        backendRefs: [
          { ...first, weight: 100 - weight },
          { ...second, weight },
        ],
      },
    ],
  };
}
