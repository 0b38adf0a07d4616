import { textAt } from "../../verify/json";
import { nameOf, objectsOf } from "../computed/objects/mesh-objects";
import { hasOwnProxy, isProxy, runningPods, senderOf } from "../computed/objects/pods";
import type { Mesh, Sender } from "../types";

/** Namespaces whose new pods are in the ambient mesh. */
export const ambientNamespaces = (mesh: Mesh): string[] =>
  objectsOf(mesh, "Namespace")
    .filter(({ metadata }) => metadata?.labels?.["istio.io/dataplane-mode"] === "ambient")
    .map(({ metadata }) => metadata?.name ?? "")
    .sort();

/** Whether a Gateway is a waypoint, by its class (istio: pilot/pkg/model/gateway.go and the class of agentgateway). */
const isWaypointClass = (gatewayClass: string): boolean => /waypoint/.test(gatewayClass);

/**
 * The senders of namespaces: each ServiceAccount that a pod runs under, in the mesh and outside of it, a pod outside the mesh
 * without any label of the namespace's workloads, and a client of each ingress Gateway. Pods with a proxy of their own are left out:
 * a probe pod in ambient mode does not stand for them.
 */
export function sendersOf(mesh: Mesh, namespaces: readonly string[]): Sender[] {
  const pods = runningPods(mesh).filter(
    (pod) => namespaces.includes(pod.metadata?.namespace ?? "") && !isProxy(pod) && !hasOwnProxy(pod),
  );
  const workloads = pods.map(senderOf).filter(({ inMesh }) => inMesh);
  const unique = [...new Map(workloads.map((each) => [`${each.namespace}/${each.serviceAccount}`, each])).values()];
  const [first] = namespaces;
  const gateways = objectsOf(mesh, "Gateway")
    .filter((gateway) => namespaces.includes(gateway.metadata?.namespace ?? ""))
    .filter((gateway) => !isWaypointClass(textAt(gateway, "spec", "gatewayClassName") ?? ""));
  return [
    ...unique.sort((a, b) => (senderKey(a) < senderKey(b) ? -1 : 1)),
    ...(first === undefined
      ? []
      : [{ kind: "workload", namespace: first, serviceAccount: "default", labels: {}, inMesh: false } as const]),
    ...gateways.map((gateway): Sender => ({ kind: "gateway", gateway: nameOf(gateway) })),
  ];
}

const senderKey = ({ namespace, serviceAccount }: Extract<Sender, { kind: "workload" }>): string =>
  `${namespace}/${serviceAccount}`;
