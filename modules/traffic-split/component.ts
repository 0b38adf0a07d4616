import * as pulumi from "@pulumi/pulumi";
import { l7PolicySpec, waypointOnlySpec } from "../../components/authorization";
import type { Specs } from "../../components/custom-resource";
import { workload } from "../../components/workload";
import { ports } from "../../config/vocabulary";
import type { ModuleArgs } from "../args";
import { moduleObject, moduleService, throughWaypoint } from "../resources";
import { canary, mirroredPath } from "./objects";

/**
 * Two versions of appb behind Service `appb-split`, so that Service appb and its experiments do not change: the first version
 * is appb's own pods, the second a workload of its own.
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

/** Routes of Service appb-split: by header, then the mirrored path, then by weight. */
function splitSpec(weight: number): Specs["HTTPRoute"] {
  const port = ports.service;
  const [first, second] = [
    { name: "appb-v1", port },
    { name: "appb-v2", port },
  ];
  return {
    parentRefs: [{ group: "", kind: "Service", name: "appb-split", port }],
    rules: [
      {
        matches: [{ headers: [{ type: "Exact", ...canary }] }],
        backendRefs: [second],
      },
      {
        matches: [{ path: { type: "PathPrefix", value: mirroredPath } }],
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
