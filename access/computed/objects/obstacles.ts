import { serviceHost } from "../../../config/vocabulary";
import { hasLabels } from "../../../verify/declared/authorization";
import { at, listAt, textAt, textsAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import type { Mesh, NamespacedName } from "../../types";
import { type MeshProxy, policiesAt } from "./binding";
import { nameOf, objectsOf, titleOf } from "./mesh-objects";

/** Kinds that extend a proxy in ways that cannot be computed. */
export const extensionKinds = ["EnvoyFilter", "WasmPlugin", "TrafficExtension"] as const;

/** Why the behaviour of a proxy is not known; undefined without an extension. */
export function extensionOf(mesh: Mesh, proxy: MeshProxy): string | undefined {
  const [first] = extensionKinds.flatMap((kind) => policiesAt(mesh, kind, proxy));
  return first && `${titleOf(first)} changes the ${proxy.kind} ${proxy.gateway.namespace}/${proxy.gateway.name}`;
}

/** Why the connections of a proxy to a Service are not known; undefined when it uses HBONE as usual. */
export function connectionChange(mesh: Mesh, { namespace, name }: NamespacedName): string | undefined {
  const host = serviceHost(name, namespace);
  const rule = objectsOf(mesh, "DestinationRule").find((each) => {
    const policies = [
      at(each, "spec", "trafficPolicy"),
      ...listAt(each, "spec", "subsets").map((one) => at(one, "trafficPolicy")),
    ];
    const own = policies.flatMap((policy) => [policy, ...listAt(policy, "portLevelSettings")]);
    const changes = own.some((policy) => ![undefined, "ISTIO_MUTUAL"].includes(textAt(policy, "tls", "mode")));
    return changes && namesHost(textAt(each, "spec", "host") ?? "", nameOf(each).namespace, host);
  });
  return rule && `${titleOf(rule)} changes the TLS of connections to ${host}`;
}

/** Whether a DestinationRule's host is a Service's: by its full or short name, or by a wildcard. */
function namesHost(named: string, namespace: string, host: string): boolean {
  if (named.startsWith("*")) return host.endsWith(named.slice(1));
  return (named.includes(".") ? named : serviceHost(named, namespace)) === host;
}

/** The labels of a subset of a Service; undefined when no DestinationRule has it. */
export function subsetLabels(mesh: Mesh, { namespace, name }: NamespacedName, subset: string): unknown {
  const found = objectsOf(mesh, "DestinationRule")
    .filter((each) =>
      namesHost(textAt(each, "spec", "host") ?? "", nameOf(each).namespace, serviceHost(name, namespace)),
    )
    .flatMap((each) => listAt(each, "spec", "subsets"))
    .find((each) => textAt(each, "name") === subset);
  return found === undefined ? undefined : (at(found, "labels") ?? {});
}

interface SelectedPod {
  namespace: string;
  labels: Readonly<Record<string, string>>;
}

/** The NetworkPolicy that restricts the traffic of a pod. The network of the cluster enforces it, not the mesh. */
export function networkPolicyOn(mesh: Mesh, pod: SelectedPod, direction: "Ingress" | "Egress"): KubeObject | undefined {
  return objectsOf(mesh, "NetworkPolicy").find((policy) => {
    const types = textsAt(policy, "spec", "policyTypes");
    const isFor =
      types.length > 0
        ? types.includes(direction)
        : direction === "Ingress" || at(policy, "spec", "egress") !== undefined;
    const selector = at(policy, "spec", "podSelector");
    // A selector with expressions may select the pod.
    const mayMatch = hasLabels(pod.labels, at(selector, "matchLabels"));
    return nameOf(policy).namespace === pod.namespace && isFor && mayMatch;
  });
}
