import type { LabFacts } from "../../../../experiments/types";
import { at, entriesAt, listAt, numberAt, textAt, textsAt } from "../../../../verify/json";
import type { KubeObject } from "../../../../verify/lab-client";
import type { DeclaredLab } from "./declared";
import { generatedFor, installedBy, yes } from "./installed";
import { takesHost } from "./listeners";
import { keyOf, keyOfObject, ObjectMap, objectOf } from "./object-key";
import { attachment } from "./waypoints";

/** A cluster after all controllers have reconciled it. */
export interface FakeCluster {
  facts: LabFacts;
  objects: ObjectMap;
  /** Ports of this machine that are mapped to a port of a node. */
  published: readonly { containerPort: number; hostPort: number }[];
  sysctls: Readonly<Record<string, number>>;
}

/** Builds the cluster of a declaration: declared objects, objects of charts and controllers, and the status of all objects. */
export function clusterOf({ facts, objects, patches, releases, nodes, sysctls }: DeclaredLab): FakeCluster {
  const all = new ObjectMap();
  const add = (item: KubeObject) => {
    const key = keyOfObject(item);
    const { namespace } = item.metadata ?? {};
    if (all.has(key)) throw new Error(`${key} is declared twice`);
    if (namespace && !all.has(keyOf("Namespace", "", namespace)))
      throw new Error(`${key}: namespaces "${namespace}" not found`);
    all.set(key, item);
  };
  const byScope = (items: readonly KubeObject[]) =>
    [...items].sort((a, b) => Number(b.kind === "Namespace") - Number(a.kind === "Namespace"));
  for (const namespace of ["default", "kube-system"]) add(objectOf("v1", `Namespace//${namespace}`, {}));
  for (const node of nodeObjects(facts, nodes)) add(node);
  const declared = objects.map((item) => applied(item));
  const installed = releases.flatMap((release) => installedBy(release, facts));
  for (const item of byScope([...declared, ...installed])) add(item);
  const gateways = declared.filter(({ kind }) => kind === "Gateway");
  for (const gateway of gateways) for (const item of generatedFor(gateway, releases, facts)) add(item);
  for (const patch of patches) mergePatch(all, patch);
  for (const item of all.values()) setStatus(item, all, nodes.length);
  return { facts, objects: all, published: nodes.flatMap(({ ports }) => ports), sysctls: raised(sysctls) };
}

/** The default kernel settings, raised as by components/scripts/node-sysctls.sh. */
const raised = (wanted: Readonly<Record<string, number>>): Record<string, number> => {
  const kernel = { "fs.inotify.max_user_instances": 128, "fs.inotify.max_user_watches": 8192 };
  return Object.fromEntries(Object.entries(kernel).map(([name, value]) => [name, Math.max(value, wanted[name] ?? 0)]));
};

function nodeObjects({ clusterName }: LabFacts, nodes: DeclaredLab["nodes"]): KubeObject[] {
  const counts = new Map<string, number>();
  return nodes.map(({ role }) => {
    const n = (counts.get(role) ?? 0) + 1;
    counts.set(role, n);
    return objectOf(
      "v1",
      `Node//${clusterName}-${role}${n === 1 ? "" : n}`,
      {
        spec: role === "control-plane" ? { taints: [{ effect: "NoSchedule" }] } : {},
        status: {
          conditions: [yes("Ready")],
          nodeInfo: { kubeletVersion: "v1.36.1", kernelVersion: "6.12.54-linuxkit" },
          capacity: { cpu: "8", memory: "24576000Ki" },
        },
      },
      { annotations: { "volumes.kubernetes.io/controller-managed-attach-detach": "true" } },
    );
  });
}

/** An object as stored after Pulumi's server-side apply, with a resource version and a field manager. */
function applied(item: KubeObject): KubeObject {
  const fields = (holder: unknown) => Object.fromEntries(entriesAt(holder).map(([key]) => [`f:${key}`, {}]));
  const owned = {
    "f:metadata": { "f:labels": fields(item.metadata?.labels) },
    "f:spec": fields(at(item, "spec")),
  };
  const { apiVersion = "" } = item;
  const entry = { manager: "pulumi-kubernetes-1", operation: "Apply", apiVersion, fieldsV1: owned };
  return { ...item, metadata: { ...item.metadata, resourceVersion: "100", managedFields: [entry] } };
}

/** Merges labels and annotations into an existing object. */
function mergePatch(all: Map<string, KubeObject>, { kind, metadata }: KubeObject): void {
  const key = keyOf(kind, metadata?.namespace, metadata?.name);
  const target = all.get(key);
  if (!target) throw new Error(`The patch of ${key} fails: not found`);
  target.metadata = {
    ...target.metadata,
    labels: { ...target.metadata?.labels, ...metadata?.labels },
    annotations: { ...target.metadata?.annotations, ...metadata?.annotations },
  };
}

function setStatus(item: KubeObject, all: ReadonlyMap<string, KubeObject>, nodes: number): void {
  const status = statusOf(item, all, nodes);
  if (status) item.status = status;
}

function statusOf(item: KubeObject, all: ReadonlyMap<string, KubeObject>, nodes: number): object | undefined {
  const namespace = item.metadata?.namespace ?? "";
  switch (item.kind) {
    case "Deployment": {
      const account = textAt(item, "spec", "template", "spec", "serviceAccountName");
      const admitted = account === undefined || all.has(keyOf("ServiceAccount", namespace, account));
      const replicas = numberAt(item, "spec", "replicas") ?? 1;
      const ready = admitted ? replicas : 0;
      return { replicas: ready, readyReplicas: ready, updatedReplicas: ready };
    }
    case "DaemonSet": {
      // Istio's DaemonSets tolerate every taint; the lab's DaemonSets tolerate none, so they do not run on the control plane.
      const count = namespace === "istio-system" ? nodes : nodes - 1;
      return { desiredNumberScheduled: count, numberReady: count, updatedNumberScheduled: count };
    }
    case "GatewayClass":
      return { conditions: [yes("Accepted")] };
    case "Gateway":
      return all.has(keyOf("GatewayClass", "", textAt(item, "spec", "gatewayClassName")))
        ? { conditions: [yes("Accepted"), yes("Programmed")] }
        : { conditions: [{ type: "Accepted", status: "Unknown", message: "Waiting for controller" }] };
    case "HTTPRoute":
      return {
        parents: listAt(item, "spec", "parentRefs").map((parent) => ({
          conditions: routeConditions(item, parent, all),
        })),
      };
    case "ServiceEntry":
      return attachmentStatus(item, all);
    case "Service":
      return textAt(item, "spec", "type") === "LoadBalancer" ? loadBalancerStatus(all) : attachmentStatus(item, all);
    case "AuthorizationPolicy":
      return { conditions: policyConditions(item, all) };
    default:
      return undefined;
  }
}

/** MetalLB assigns the first address of the pools, also without an L2Advertisement, which only announces it. */
function loadBalancerStatus(all: ReadonlyMap<string, KubeObject>): object | undefined {
  const pools = [...all.values()].filter(
    ({ kind, metadata }) => kind === "IPAddressPool" && metadata?.namespace === "metallb-system",
  );
  const [ip] = (textAt(pools[0], "spec", "addresses", 0) ?? "").split(/[-/]/);
  return ip ? { loadBalancer: { ingress: [{ ip }] } } : undefined;
}

/** pilot/pkg/model/service.go, ServiceInfo.GetConditions and the messages of ambient/statusqueue. */
function attachmentStatus(item: KubeObject, all: ReadonlyMap<string, KubeObject>): object | undefined {
  const found = attachment(item, (key) => all.get(key));
  if (!found) return undefined;
  const { waypoint, problem } = found;
  if (problem) return { conditions: [{ type: "istio.io/WaypointBound", status: "False", ...problem }] };
  const ingress = item.metadata?.labels?.["istio.io/ingress-use-waypoint"];
  const more =
    ingress === "true"
      ? ". Ingress traffic will traverse the waypoint"
      : ingress === undefined
        ? ""
        : ". Ingress traffic is not using the waypoint, set the istio.io/ingress-use-waypoint label to true if desired.";
  return { conditions: [yes("istio.io/WaypointBound", `Successfully attached to waypoint ${waypoint}${more}`)] };
}

/** Whether a route is attached to a parent: to a listener that takes one of its hostnames, or to a Service. */
function routeConditions(route: KubeObject, parent: unknown, all: ReadonlyMap<string, KubeObject>): object[] {
  const kind = textAt(parent, "kind") ?? "Gateway";
  const target = all.get(keyOf(kind, route.metadata?.namespace, textAt(parent, "name")));
  const section = textAt(parent, "sectionName");
  const listeners = listAt(target, "spec", "listeners").filter(
    (listener) =>
      (section === undefined || textAt(listener, "name") === section) &&
      textsAt(route, "spec", "hostnames").some((host) => takesHost(listener, host)),
  );
  const accepted = target !== undefined && (kind === "Service" || listeners.length > 0);
  return accepted
    ? [yes("Accepted", "Route was valid")]
    : [{ type: "Accepted", status: "False", reason: "NoMatchingParent", message: "no matching parent" }];
}

/** ztunnel enforces a policy for pods; the waypoint enforces a policy with a target. */
function policyConditions(policy: KubeObject, all: ReadonlyMap<string, KubeObject>): object[] {
  const http = listAt(policy, "spec", "rules").some((rule) =>
    listAt(rule, "to").some((to) => at(to, "operation", "methods") !== undefined),
  );
  if (at(policy, "spec", "selector"))
    return [
      yes(
        "ZtunnelAccepted",
        http
          ? "ztunnel does not support HTTP attributes (found: methods). In ambient mode you must use a waypoint proxy to enforce HTTP rules. Within an ALLOW policy, rules matching HTTP attributes are omitted. This will be more restrictive than requested."
          : "attached to ztunnel",
      ),
    ];
  return listAt(policy, "spec", "targetRefs").flatMap((target) => {
    const item = all.get(keyOf(textAt(target, "kind"), policy.metadata?.namespace, textAt(target, "name")));
    const found = item && attachment(item, (key) => all.get(key));
    return found && !found.problem ? [yes("WaypointAccepted", `bound to ${found.waypoint}`)] : [];
  });
}
