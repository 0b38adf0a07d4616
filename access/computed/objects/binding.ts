import { hasLabels } from "../../../verify/declared/authorization";
import { at, listAt, textAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import type { Mesh, NamespacedName } from "../../types";
import { nameOf, objectsOf, refersTo } from "./mesh-objects";

/** A gateway or waypoint, as policies select it. */
export interface MeshProxy {
  kind: "gateway" | "waypoint";
  /** The Gateway object that it belongs to. */
  gateway: NamespacedName;
  /** Labels of its pods. */
  labels: Readonly<Record<string, string>>;
  /** The Service of the requests at a waypoint; absent for requests to the address of a pod. */
  service?: NamespacedName;
}

export const gatewayGroup = "gateway.networking.k8s.io";

/** Istio's class of waypoints, the only GatewayClass that policies may target (constants.WaypointGatewayClassName). */
export const waypointClass = "istio-waypoint";

/** The references of a policy; `targetRef` is their older form (model.GetTargetRefs). */
export function targetRefsOf(policy: KubeObject): readonly unknown[] {
  const refs = listAt(policy, "spec", "targetRefs");
  const old = at(policy, "spec", "targetRef");
  return refs.length > 0 || old === undefined ? refs : [old];
}

/** The labels that a policy selects pods by; undefined without a selector. */
export const selectorOf = (policy: KubeObject): unknown =>
  at(policy, "spec", "selector") === undefined
    ? at(policy, "spec", "workloadSelector", "labels")
    : (at(policy, "spec", "selector", "matchLabels") ?? {});

/** The policies of a kind that a gateway or waypoint has (istio 1.31, pilot/pkg/model/policyattachment.go: ShouldAttachPolicy). */
export function policiesAt(mesh: Mesh, kind: string, proxy: MeshProxy): KubeObject[] {
  const namespaces = [mesh.rootNamespace, proxy.gateway.namespace, proxy.service?.namespace];
  return objectsOf(mesh, kind).filter(
    (policy) => namespaces.includes(policy.metadata?.namespace) && attaches(policy, proxy, mesh),
  );
}

function attaches(policy: KubeObject, proxy: MeshProxy, { rootNamespace }: Mesh): boolean {
  const refs = targetRefsOf(policy);
  // Policies with a selector, or for a whole namespace, do not apply to waypoints.
  if (refs.length === 0) return proxy.kind === "gateway" && hasLabels(proxy.labels, selectorOf(policy));
  const { namespace } = nameOf(policy);
  return refs.some((ref) => {
    const name = textAt(ref, "name");
    if (proxy.kind === "waypoint") {
      const { service } = proxy;
      const isService = service !== undefined && name === service.name && namespace === service.namespace;
      if (isService && refersTo(ref, "", "Service")) return true;
      const toClass = refersTo(ref, gatewayGroup, "GatewayClass") && name === waypointClass;
      if (toClass && namespace === rootNamespace) return true;
    }
    const within = textAt(ref, "namespace") ?? "";
    if (namespace !== proxy.gateway.namespace || (within !== "" && within !== namespace)) return false;
    return refersTo(ref, gatewayGroup, "Gateway") && name === proxy.gateway.name;
  });
}

/** The policies of a kind that apply to a pod by its labels: those for the pod, its namespace and the mesh. */
export function policiesOfPod(mesh: Mesh, kind: string, pod: KubeObject): KubeObject[] {
  const namespaces = [mesh.rootNamespace, pod.metadata?.namespace];
  return objectsOf(mesh, kind).filter(
    (policy) =>
      namespaces.includes(policy.metadata?.namespace) &&
      targetRefsOf(policy).length === 0 &&
      hasLabels(pod.metadata?.labels ?? {}, selectorOf(policy)),
  );
}
