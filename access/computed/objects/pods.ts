import { hasLabels } from "../../../verify/declared/authorization";
import { at, entriesAt, listAt, numberAt, textAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import type { Mesh } from "../../types";
import { nameOf, objectsOf } from "./mesh-objects";

/** Addresses of a pod; none before it has been scheduled. */
export function addressesOf(pod: KubeObject): string[] {
  const all = listAt(pod, "status", "podIPs").flatMap((each) => textAt(each, "ip") ?? []);
  return all.length > 0 ? all : [textAt(pod, "status", "podIP") ?? []].flat();
}

const isOver = (pod: KubeObject): boolean => ["Failed", "Succeeded"].includes(textAt(pod, "status", "phase") ?? "");

/** Whether a pod gets requests: it is ready, and is not being deleted. */
export const isReady = (pod: KubeObject): boolean =>
  !isOver(pod) &&
  at(pod, "metadata", "deletionTimestamp") === undefined &&
  listAt(pod, "status", "conditions").some((each) => at(each, "type") === "Ready" && at(each, "status") === "True");

/** Whether a pod can be reached by its address. */
export const hasAddress = (pod: KubeObject): boolean => !isOver(pod) && addressesOf(pod).length > 0;

/** Whether ztunnel takes a pod's connections: istio-cni says so by an annotation (constants.AmbientRedirectionEnabled). */
export const isInMesh = (pod: KubeObject): boolean =>
  pod.metadata?.annotations?.["ambient.istio.io/redirection"] === "enabled";

/** Whether a pod has a proxy of its own that takes mesh connections: a sidecar, or one that was put there by hand. */
export const hasOwnProxy = (pod: KubeObject): boolean =>
  pod.metadata?.annotations?.["sidecar.istio.io/status"] !== undefined ||
  pod.metadata?.labels?.["networking.istio.io/tunnel"] === "http" ||
  [...listAt(pod, "spec", "containers"), ...listAt(pod, "spec", "initContainers")].some(
    (each) => at(each, "name") === "istio-proxy" && !isGatewayPod(pod),
  );

const isGatewayPod = ({ metadata }: KubeObject): boolean =>
  metadata?.labels?.["gateway.networking.k8s.io/gateway-name"] !== undefined;

/** The pods that a Service selects, whether they are ready or not. */
export function podsOf(mesh: Mesh, service: KubeObject): KubeObject[] {
  const selector = at(service, "spec", "selector");
  if (entriesAt(selector).length === 0) return [];
  const { namespace } = nameOf(service);
  return objectsOf(mesh, "Pod").filter(
    (pod) => pod.metadata?.namespace === namespace && hasLabels(pod.metadata?.labels ?? {}, selector) && !isOver(pod),
  );
}

/** The entry of a Service for one of its ports; undefined when it has no such TCP port. */
export const portOf = (service: KubeObject, port: number): unknown =>
  listAt(service, "spec", "ports").find(
    (each) => numberAt(each, "port") === port && (textAt(each, "protocol") ?? "TCP") === "TCP",
  );

/** The port of a pod that a Service's port leads to; undefined when the pod has no port of that name. */
export function targetPortOf(entry: unknown, pod: KubeObject): number | undefined {
  const target = at(entry, "targetPort") ?? at(entry, "port");
  if (typeof target === "number") return target;
  return listAt(pod, "spec", "containers")
    .flatMap((container) => listAt(container, "ports"))
    .filter((each) => at(each, "name") === target)
    .map((each) => numberAt(each, "containerPort"))[0];
}

/** Protocols that a proxy does not read as HTTP, and ports that have one by themselves (pkg/config/kube/conversion.go: ConvertProtocol). */
const opaque = /^(tcp|tls|https|mongo|redis|mysql|kubernetes\.io\/wss)$/;
const opaquePorts = [25, 53, 3306, 27_017];

/** Whether a proxy reads a Service's port as HTTP: by the port's declared protocol, else as it finds it. */
export function isHttpPort(entry: unknown): boolean {
  const declared = (textAt(entry, "appProtocol") ?? textAt(entry, "name") ?? "").toLowerCase().split("-")[0] ?? "";
  const isDeclared = /^(grpc|http|http2|http_proxy|kubernetes\.io\/(h2c|ws))$/.test(declared);
  return !opaque.test(declared) && (isDeclared || !opaquePorts.includes(numberAt(entry, "port") ?? 0));
}
