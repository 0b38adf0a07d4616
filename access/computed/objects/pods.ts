import { labelKeys } from "../../../config/vocabulary";
import { hasLabels } from "../../../verify/declared/authorization";
import { at, entriesAt, listAt, numberAt, textAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import { isReady as hasReadyCondition } from "../../../verify/pods";
import type { Mesh, Sender } from "../../types";
import type { Identity } from "../rules/seen";
import { labelsOf, nameOf, objectsIn, objectsOf } from "./mesh-objects";

/** Addresses of a pod; none before it has been scheduled. */
export function addressesOf(pod: KubeObject): string[] {
  const all = listAt(pod, "status", "podIPs").flatMap((each) => textAt(each, "ip") ?? []);
  return all.length > 0 ? all : [textAt(pod, "status", "podIP") ?? []].flat();
}

const isOver = (pod: KubeObject): boolean => ["Failed", "Succeeded"].includes(textAt(pod, "status", "phase") ?? "");

/** Whether a pod is neither ended nor being deleted. */
const isRunning = (pod: KubeObject): boolean => !isOver(pod) && at(pod, "metadata", "deletionTimestamp") === undefined;

/** Pods that are neither ended nor being deleted. */
export const runningPods = (mesh: Mesh): readonly KubeObject[] => objectsOf(mesh, "Pod").filter(isRunning);

/** Whether a pod is an endpoint of its Services. */
export const isReady = (pod: KubeObject): boolean => isRunning(pod) && hasReadyCondition(pod);

/** Whether a pod can be reached by its address. */
export const hasAddress = (pod: KubeObject): boolean => !isOver(pod) && addressesOf(pod).length > 0;

/** Whether the connections of a pod are redirected to ztunnel, by the annotation of istio-cni (constants.AmbientRedirectionEnabled). */
export const isInMesh = (pod: KubeObject): boolean =>
  pod.metadata?.annotations?.["ambient.istio.io/redirection"] === "enabled";

/** Whether a pod has a proxy of its own that accepts mesh connections: a sidecar, or a proxy that was added by hand. */
export const hasOwnProxy = (pod: KubeObject): boolean =>
  pod.metadata?.annotations?.["sidecar.istio.io/status"] !== undefined ||
  pod.metadata?.labels?.["networking.istio.io/tunnel"] === "http" ||
  [...listAt(pod, "spec", "containers"), ...listAt(pod, "spec", "initContainers")].some(
    (each) => at(each, "name") === "istio-proxy" && !isProxy(pod),
  );

/** Whether a pod is a gateway or a waypoint that istiod made. */
export const isProxy = (pod: KubeObject): boolean => labelsOf(pod)[labelKeys.gatewayName] !== undefined;

export const accountOf = (pod: KubeObject): string => textAt(pod, "spec", "serviceAccountName") ?? "default";

/** The identity of a pod in the mesh. */
export const identityOf = ({ trustDomain }: Pick<Mesh, "trustDomain">, pod: KubeObject): Identity => ({
  ...{ trustDomain, namespace: nameOf(pod).namespace, serviceAccount: accountOf(pod) },
});

/** The ports of the containers of a pod. */
export const containerPortsOf = (pod: KubeObject): number[] =>
  listAt(pod, "spec", "containers")
    .flatMap((container) => listAt(container, "ports"))
    .flatMap((port) => numberAt(port, "containerPort") ?? []);

/** A pod as a sender. */
export const senderOf = (pod: KubeObject): Extract<Sender, { kind: "workload" }> => ({
  kind: "workload",
  namespace: nameOf(pod).namespace,
  serviceAccount: accountOf(pod),
  labels: labelsOf(pod),
  inMesh: isInMesh(pod),
});

/** The running pods that a Service selects, whether they are ready or not. */
export function podsOf(mesh: Mesh, service: KubeObject): KubeObject[] {
  const selector = at(service, "spec", "selector");
  if (entriesAt(selector).length === 0) return [];
  return objectsIn(mesh, "Pod", nameOf(service).namespace).filter(
    (pod) => hasLabels(labelsOf(pod), selector) && isRunning(pod),
  );
}

const tcpEntries = (service: KubeObject): unknown[] =>
  listAt(service, "spec", "ports").filter((each) => (textAt(each, "protocol") ?? "TCP") === "TCP");

/** The TCP ports of a Service. */
export const portsOf = (service: KubeObject): number[] =>
  tcpEntries(service).flatMap((each) => numberAt(each, "port") ?? []);

/** The entry of a Service for one of its ports; undefined when it has no such TCP port. */
export const portOf = (service: KubeObject, port: number): unknown =>
  tcpEntries(service).find((each) => numberAt(each, "port") === port);

/** The TCP ports of a Service for HTTP: the declared ones, else those at which a proxy detects HTTP. */
export function httpPortsOf(service: KubeObject): number[] {
  const reads = (how: ReturnType<typeof httpReading>) =>
    tcpEntries(service)
      .filter((entry) => httpReading(entry) === how)
      .flatMap((entry) => numberAt(entry, "port") ?? []);
  const declared = reads("declared");
  return declared.length > 0 ? declared : reads("detected");
}

/** The target port of a Service's port at a pod; undefined when the pod has no port of that name. */
export function targetPortOf(entry: unknown, pod: KubeObject): number | undefined {
  const target = at(entry, "targetPort") ?? at(entry, "port");
  if (typeof target === "number") return target;
  return listAt(pod, "spec", "containers")
    .flatMap((container) => listAt(container, "ports"))
    .filter((each) => at(each, "name") === target)
    .map((each) => numberAt(each, "containerPort"))[0];
}

/** The target ports of the TCP ports of a Service at a pod. */
export const targetPortsOf = (service: KubeObject, pod: KubeObject): number[] =>
  tcpEntries(service).flatMap((entry) => targetPortOf(entry, pod) ?? []);

/** Protocols that a proxy forwards without reading them (istio 1.31, pkg/config/protocol/instance.go: Parse, IsTCP). */
const opaque = ["tcp", "udp", "tls", "https", "mongo", "redis", "mysql", "kubernetes.io/wss"];
const http = ["http", "http2", "http_proxy", "grpc", "kubernetes.io/h2c", "kubernetes.io/ws"];
/** Ports that are opaque unless their protocol is declared. */
const opaquePorts = [25, 53, 3306, 27_017];

/**
 * Whether a proxy reads a Service's port as HTTP (istio 1.31, pkg/config/kube/conversion.go: ConvertProtocol). A port declares its protocol
 * by `appProtocol`, else by the part of its name before "-". Where none is declared, a waypoint has a chain for HTTP and one for other
 * connections, and looks at the first bytes (pilot/pkg/networking/core/listener_waypoint.go: buildWaypointInternal).
 */
function httpReading(entry: unknown): "declared" | "detected" | "never" {
  const declared = (textAt(entry, "appProtocol") ?? textAt(entry, "name") ?? "").toLowerCase().split("-")[0] ?? "";
  if (http.includes(declared)) return "declared";
  return opaque.includes(declared) || opaquePorts.includes(numberAt(entry, "port") ?? 0) ? "never" : "detected";
}

/** Whether a proxy reads a request to a Service's port as HTTP. */
export const isHttpPort = (entry: unknown): boolean => httpReading(entry) !== "never";
