import { labelKeys } from "../../config/vocabulary";
import { listAt, textAt } from "../../verify/json";
import type { KubeObject } from "../../verify/lab-client";
import { objectsOf } from "../computed/objects/mesh-objects";
import { isInMesh } from "../computed/objects/pods";
import type { Mesh, NamespacedName, Sender } from "../types";

/** Whether two names are of the same object, kinds being equal. */
export const isSame = (a: NamespacedName, b: NamespacedName): boolean =>
  a.namespace === b.namespace && a.name === b.name;

/** Objects of a kind in a namespace. */
export const objectsIn = (mesh: Mesh, kind: string, namespace: string): readonly KubeObject[] =>
  objectsOf(mesh, kind).filter((object) => object.metadata?.namespace === namespace);

/** Pods that run: neither ended nor being deleted. */
export const runningPods = (mesh: Mesh): readonly KubeObject[] =>
  objectsOf(mesh, "Pod").filter(
    (pod) =>
      textAt(pod, "metadata", "deletionTimestamp") === undefined &&
      !["Failed", "Succeeded"].includes(textAt(pod, "status", "phase") ?? ""),
  );

/** Whether a pod has a sidecar of Istio (annotation of istiod's injector). */
export const hasSidecar = ({ metadata }: KubeObject): boolean =>
  metadata?.annotations?.["sidecar.istio.io/status"] !== undefined;

/** Whether a pod is a gateway or a waypoint that istiod made. */
export const isProxy = ({ metadata }: KubeObject): boolean => metadata?.labels?.[labelKeys.gatewayName] !== undefined;

/** The sender that a pod is. */
export const senderOf = (pod: KubeObject): Extract<Sender, { kind: "workload" }> => ({
  kind: "workload",
  namespace: pod.metadata?.namespace ?? "",
  serviceAccount: textAt(pod, "spec", "serviceAccountName") ?? "default",
  labels: pod.metadata?.labels ?? {},
  inMesh: isInMesh(pod),
});

/** Ports of a Service that carry HTTP, as istiod takes them: by `appProtocol`, or by the prefix of the port's name. */
export const portsOf = (service: KubeObject): { port: number; name: string; http: boolean }[] =>
  listAt(service, "spec", "ports").flatMap((entry) => {
    const [name, protocol] = [textAt(entry, "name") ?? "", textAt(entry, "appProtocol")?.toLowerCase()];
    const port = Reflect.get(Object(entry), "port");
    if (typeof port !== "number" || (textAt(entry, "protocol") ?? "TCP") !== "TCP") return [];
    const said = protocol ?? name.split("-")[0];
    return [{ port, name, http: ["http", "http2", "grpc", "kubernetes.io/h2c", "grpc-web"].includes(said ?? "") }];
  });
