import * as pulumi from "@pulumi/pulumi";
import { waypointOnlySpec } from "../../components/authorization";
import type { Specs } from "../../components/custom-resource";
import { waypointGateway } from "../../components/waypoint-gateway";
import { restricted, type WorkloadSettings, workload } from "../../components/workload";
import { labelKeys, principalOf } from "../../config/vocabulary";
import type { ModuleArgs } from "../args";
import { health } from "../grpc/objects";
import { healthServer, healthServicePort } from "../grpc/server";
import { moduleObject, moduleService, onPurpose, podOnEachNode } from "../resources";
import type { WorkloadEntry } from "../slice";
import {
  type CostPath,
  clientOf,
  controlGroups,
  cost,
  costPaths,
  costWaypoint,
  growing,
  interopServers,
  interopThroughWaypoint,
  meter,
  serverOf,
} from "./objects";

type CostWorkload = keyof typeof cost.workloads;

/** Name, membership of the mesh and sidecar of a workload. istiod injects a sidecar by the label of a pod, whatever the labels of the namespace. */
function settingsOf(name: CostWorkload): Pick<WorkloadSettings, "name" | "mesh" | "labels"> {
  const { mesh, sidecar }: WorkloadEntry = cost.workloads[name];
  return { name, mesh: mesh === true, ...(sidecar ? { labels: { [labelKeys.inject]: "true" } } : {}) };
}

const throughWaypoint = { [labelKeys.useWaypoint]: costWaypoint };

/**
 * The same client and the same server four times: outside the mesh, in the ambient mesh, behind a waypoint, and with
 * sidecars. All servers prefer one node and all clients another one. A pod on each node reads what the proxies use. With the
 * module `grpc` each server answers gRPC as well.
 */
export class Cost extends pulumi.ComponentResource {
  constructor(name: string, args: ModuleArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:modules:Cost", name, { image: args.image }, opts);
    const own = { prefix: name, parent: this };
    const grpc = args.modules.includes("grpc");
    const pods = (
      app: CostWorkload,
      place: Pick<WorkloadSettings, "near" | "awayFrom" | "beside">,
      after: pulumi.Resource[],
    ) =>
      workload({ ...settingsOf(app), ...place }, args, {
        ...own,
        dependsOn: grpc ? [...after, ...args.images] : after,
      });
    const beside = grpc ? { beside: [healthServer] } : {};
    // The first pair decides about the nodes; the others follow it.
    const [first, firstClient] = [serverOf("none"), clientOf("none")];
    const server = pods(first, beside, []);
    const client = pods(firstClient, { awayFrom: first }, [server]);
    for (const path of costPaths) {
      if (path !== "none") {
        pods(serverOf(path), { near: first, ...beside }, [server]);
        pods(clientOf(path), { near: firstClient, awayFrom: first }, [client]);
      }
      const ports = grpc ? [healthServicePort(health.port)] : [];
      const service = { name: serverOf(path), pods: serverOf(path), ports };
      moduleService(path === "waypoint" ? { ...service, labels: throughWaypoint } : service, own);
    }
    waypointGateway(costWaypoint, { gateway: costWaypoint }, args.proxies, own);

    const caller = (path: CostPath) => [{ source: { principals: [principalOf(clientOf(path))] } }];
    const methods = [
      { operation: { methods: ["GET"] } },
      ...(grpc ? [{ operation: { methods: ["POST"], paths: [health.allowed] } }] : []),
    ];
    const policy = (called: string, spec: Specs["AuthorizationPolicy"], annotations?: Record<string, string>) =>
      moduleObject("AuthorizationPolicy", called, spec, own, annotations ? { annotations } : {});
    const selector = (path: CostPath) => ({ matchLabels: { app: serverOf(path) } });
    policy("cost-ztunnel-l4", { selector: selector("ztunnel"), action: "ALLOW", rules: [{ from: caller("ztunnel") }] });
    policy("cost-waypoint-l7", {
      targetRefs: [{ group: "", kind: "Service", name: serverOf("waypoint") }],
      action: "ALLOW",
      rules: [{ from: caller("waypoint"), to: methods }],
    });
    policy("cost-waypoint-only", waypointOnlySpec(serverOf("waypoint"), principalOf(costWaypoint)));
    policy(
      "cost-sidecar-l7",
      { selector: selector("sidecar"), action: "ALLOW", rules: [{ from: caller("sidecar"), to: methods }] },
      // The rule is about pods in the ambient mesh: a sidecar evaluates HTTP.
      onPurpose("layer-7-by-target"),
    );

    for (const { app, strict } of interopServers) {
      workload(settingsOf(app), args, own);
      moduleService({ name: app, pods: app }, own);
      const pods = { matchLabels: { app } };
      if (strict)
        moduleObject(
          "PeerAuthentication",
          app.replace("strict", "mtls"),
          { selector: pods, mtls: { mode: "STRICT" } },
          own,
        );
    }
    const open = { name: interopThroughWaypoint, pods: "interop-ambient", labels: throughWaypoint };
    // The experiment shows that a client with a sidecar does not pass the waypoint.
    moduleService({ ...open, annotations: onPurpose("waypoint-only") }, own);

    // It has no `mesh` in the table of workloads, because it has no pods when the membership of the mesh is verified.
    workload({ ...settingsOf(growing.ambient), mesh: true, replicas: 0 }, args, own);
    workload({ ...settingsOf(growing.sidecar), replicas: 0 }, args, own);
    podOnEachNode("meter", { name: meter, ...reader }, args, own);
    this.registerOutputs();
  }
}

/** Reads the node's control groups, and nothing else of the node. */
const reader = {
  pod: { ...restricted.pod, volumes: [{ name: "cgroup", hostPath: { path: "/sys/fs/cgroup", type: "Directory" } }] },
  container: {
    ...restricted.container,
    volumeMounts: [{ name: "cgroup", mountPath: controlGroups, readOnly: true }],
  },
};
