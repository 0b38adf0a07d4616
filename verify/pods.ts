import { appNamespace, gatewayName, type Layer, labelKeys, meshNamespace } from "../config/vocabulary";
import { waypoints, workloads } from "../experiments/names";
import { objects } from "../experiments/objects";
import type { Client, LabObject, WaypointName, WorkloadName } from "../experiments/slices";
import type { WaypointEntry, WorkloadEntry } from "../modules/slice";
import { at, entriesAt, listAt, numberAt, textAt } from "./json";
import type { KubeObject, LabClient, ObjectRef, PodRef } from "./lab-client";
import { PreconditionError } from "./precondition-error";

/** A running pod of the lab. */
export interface LabPod extends PodRef {
  uid: string;
  ip: string;
  node: string;
  /** Address of its node. */
  host: string;
  ready: boolean;
}

/** Address and port as in URLs and in the logs of proxies: an IPv6 address is in brackets. */
export const hostPort = (ip: string, port: number): string => `${ip.includes(":") ? `[${ip}]` : ip}:${port}`;

/** Container of the proxy in the pods of gateways, waypoints and ztunnel, and of a sidecar. */
export const proxyContainer = "istio-proxy";

/** The sidecar of a pod. */
export const sidecarOf = (pod: LabPod): LabPod => ({ ...pod, container: proxyContainer });

/** How the pods of a role are found, and the layer that is reported when there is no pod. */
interface Role {
  namespace: string;
  labels: Record<string, string>;
  container: string;
  layer: Layer;
}

const workload = (key: string, { namespace, app = key, container, layer }: WorkloadEntry): Role => ({
  namespace: namespace ?? appNamespace,
  labels: { app },
  container: container ?? "httpbin",
  layer: layer ?? "app",
});
const proxy = (name: string, layer: Layer, { namespace, container }: WaypointEntry = {}): Role => ({
  namespace: namespace ?? appNamespace,
  labels: { [labelKeys.gatewayName]: name },
  container: container ?? proxyContainer,
  layer,
});
const system = (app: "istiod" | "ztunnel", container: string): Role =>
  workload(app, { namespace: meshNamespace, container, layer: app });

/** Roles of pods. */
export type PodRole = WorkloadName | WaypointName | "gateway" | "istiod" | "ztunnel";

const roles = {
  ...mapped(workloads, workload),
  ...mapped(waypoints, (name, entry) => proxy(name, "waypoint", entry)),
  gateway: proxy(gatewayName, "gateway"),
  istiod: system("istiod", "discovery"),
  ztunnel: system("ztunnel", proxyContainer),
} as Readonly<Record<PodRole, Role>>;

function mapped<E>(entries: Readonly<Record<string, E>>, toRole: (key: string, entry: E) => Role) {
  return Object.fromEntries(Object.entries(entries).map(([key, entry]) => [key, toRole(key, entry)]));
}

/** Finds the lab's pods. Every call lists them again, because experiments replace pods. */
export class PodFinder {
  readonly #lab: LabClient;

  constructor(lab: LabClient) {
    this.#lab = lab;
  }

  /** All pods of a role that are not being deleted. */
  async all(role: PodRole, signal: AbortSignal): Promise<LabPod[]> {
    const { namespace, labels, container } = roles[role];
    const pods = await this.#lab.list({ apiVersion: "v1", kind: "Pod", namespace, labels }, signal);
    return pods.filter(isLive).map((pod) => labPodOf(pod, container));
  }

  /**
   * One ready pod of a role.
   * @throws PreconditionError naming the layer when there is none
   */
  async one(role: PodRole, signal: AbortSignal): Promise<LabPod> {
    const ready = (await this.all(role, signal)).find((pod) => pod.ready);
    if (ready) return ready;
    throw new PreconditionError(roles[role].layer, `no ready pod of ${role}`);
  }

  /** The pod from which a client inside the cluster sends. */
  client(client: Exclude<Client, "host">, signal: AbortSignal): Promise<LabPod> {
    return this.one(client, signal);
  }

  /** The ztunnel on a node; undefined when it is not ready. */
  async ztunnelOn(node: string, signal: AbortSignal): Promise<LabPod | undefined> {
    return (await this.all("ztunnel", signal)).find((pod) => pod.ready && pod.node === node);
  }

  /**
   * A ready pod behind a Service, and the pod's port for a port of the Service.
   * @throws PreconditionError naming the Service's layer when there is none
   */
  async behind(
    service: LabObject | (ObjectRef & { layer: Layer }),
    port: number,
    signal: AbortSignal,
  ): Promise<{ pod: LabPod; port: number }> {
    const { layer, ...ref } = typeof service === "string" ? objects[service] : service;
    const named = `${ref.kind}/${ref.name}`;
    const found = await this.#lab.read(ref, signal);
    if (!found) throw new PreconditionError(layer, `${named} does not exist`);
    const entry = listAt(found, "spec", "ports").find((item) => numberAt(item, "port") === port);
    const labels = Object.fromEntries(entriesAt(found, "spec", "selector").map(([key, value]) => [key, String(value)]));
    const { namespace = appNamespace } = ref;
    const pods = await this.#lab.list({ apiVersion: "v1", kind: "Pod", namespace, labels }, signal);
    const pod = pods.filter(isLive).find(isReady);
    if (!pod) throw new PreconditionError(layer, `no ready pod behind ${named}`);
    return { pod: labPodOf(pod, ""), port: portOf(pod, entry) ?? port };
  }
}

/** Whether a pod neither ended nor is being deleted. An evicted pod stays in the list, with its address. */
export const isLive = (pod: KubeObject): boolean =>
  at(pod, "metadata", "deletionTimestamp") === undefined &&
  textAt(pod, "status", "podIP") !== undefined &&
  !["Failed", "Succeeded"].includes(textAt(pod, "status", "phase") ?? "");

/** Whether a pod or a node has the condition Ready. */
export const isReady = (object: KubeObject): boolean =>
  listAt(object, "status", "conditions").some(
    (condition) => textAt(condition, "type") === "Ready" && textAt(condition, "status") === "True",
  );

const labPodOf = (pod: KubeObject, container: string): LabPod => ({
  namespace: pod.metadata?.namespace ?? "default",
  name: pod.metadata?.name ?? "",
  uid: pod.metadata?.uid ?? "",
  container,
  ip: textAt(pod, "status", "podIP") ?? "",
  node: textAt(pod, "spec", "nodeName") ?? "",
  host: textAt(pod, "status", "hostIP") ?? "",
  ready: isReady(pod),
});

/** All addresses of a pod: one of each family of the cluster, the main one first. */
export const addressesOf = (pod: KubeObject): string[] =>
  [
    ...new Set([textAt(pod, "status", "podIP"), ...listAt(pod, "status", "podIPs").map((each) => textAt(each, "ip"))]),
  ].filter((address) => address !== undefined);

/** The pod's port for a port of a Service; undefined when the Service does not say so or the pod has no port of the name. */
export function portOf(pod: KubeObject, entry: unknown): number | undefined {
  const name = textAt(entry, "targetPort");
  if (numberAt(entry, "targetPort") !== undefined) return numberAt(entry, "targetPort");
  const ports = listAt(pod, "spec", "containers").flatMap((container) => listAt(container, "ports"));
  return numberAt(
    ports.find((item) => name !== undefined && textAt(item, "name") === name),
    "containerPort",
  );
}
