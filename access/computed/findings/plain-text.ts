import { hasLabels } from "../../../verify/declared/authorization";
import { at, entriesAt, textAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import type { Mesh } from "../../types";
import { byAge, labelsOf, nameOf, objectsOf, titleOf, unreadReason } from "../objects/mesh-objects";
import { containerPortsOf, hasOwnProxy, isInMesh, isReady, podsOf, targetPortsOf } from "../objects/pods";
import { verdictAtPod } from "../rules/verdict";
import { type ConfigurationFinding, shortList } from "./finding";
import { applyCommand, patchCommand } from "./fixes";

/** Pods in the mesh that accept plain text from senders without an identity. */
export function plainText(mesh: Mesh): ConfigurationFinding[] {
  if (unreadReason(mesh, ["Pod", "Namespace", "AuthorizationPolicy", "PeerAuthentication"])) return [];
  const open = objectsOf(mesh, "Pod")
    .filter((pod) => isInMesh(pod) && isReady(pod) && !hasOwnProxy(pod))
    .filter((pod) => portsOf(mesh, pod).some((port) => verdictAtPod(mesh, pod, { port }).is === "passed"));
  const namespaces = [...new Set(open.map((pod) => nameOf(pod).namespace))].sort();
  return namespaces.flatMap((namespace) => {
    const pods = open.filter((pod) => nameOf(pod).namespace === namespace);
    const opened = pods.map((pod) => ({ pod, by: workloadPolicy(mesh, pod) }));
    const own = [...new Set(opened.flatMap(({ by }) => by ?? []))];
    const rest = opened.filter(({ by }) => by === undefined).map(({ pod }) => pod);
    return [
      ...own.map((policy) =>
        ofPolicy(
          policy,
          opened.filter(({ by }) => by === policy).map(({ pod }) => pod),
        ),
      ),
      ...(rest.length > 0 ? [ofNamespace(mesh, namespace, rest)] : []),
    ];
  });
}

/** Ports of a pod: the target ports of its Services, else the ports of its containers. */
function portsOf(mesh: Mesh, pod: KubeObject): number[] {
  const served = objectsOf(mesh, "Service")
    .filter((service) => service.metadata?.namespace === pod.metadata?.namespace && podsOf(mesh, service).includes(pod))
    .flatMap((service) => targetPortsOf(service, pod));
  return [...new Set(served.length > 0 ? served : containerPortsOf(pod))];
}

/** The PeerAuthentication for the pod itself; undefined without one. */
const workloadPolicy = (mesh: Mesh, pod: KubeObject): KubeObject | undefined =>
  byAge(objectsOf(mesh, "PeerAuthentication")).find(
    (policy) =>
      policy.metadata?.namespace === pod.metadata?.namespace &&
      policy.metadata?.namespace !== mesh.rootNamespace &&
      entriesAt(policy, "spec", "selector", "matchLabels").length > 0 &&
      hasLabels(labelsOf(pod), at(policy, "spec", "selector", "matchLabels")),
  );

const why =
  "a client outside the mesh, or a pod that left it, sends without an identity: ztunnel cannot tell who it is, and nothing is encrypted";

const podsText = (pods: readonly KubeObject[]): string =>
  shortList(
    pods.map(({ metadata }) => metadata?.name ?? ""),
    "more pods",
  );

const ofPolicy = (policy: KubeObject, pods: readonly KubeObject[]): ConfigurationFinding => ({
  ...{ id: "plain-text", object: titleOf(policy), why },
  what: `it leaves ports of ${podsText(pods)} open to plain text`,
  fix: patchCommand(policy, { spec: { mtls: { mode: "STRICT" }, portLevelMtls: null } }),
});

function ofNamespace(mesh: Mesh, namespace: string, pods: readonly KubeObject[]): ConfigurationFinding {
  const existing = byAge(objectsOf(mesh, "PeerAuthentication")).find(
    (policy) =>
      policy.metadata?.namespace === namespace && entriesAt(policy, "spec", "selector", "matchLabels").length === 0,
  );
  const strict: KubeObject = {
    apiVersion: "security.istio.io/v1",
    kind: "PeerAuthentication",
    metadata: { name: "default", namespace },
    spec: { mtls: { mode: "STRICT" } },
  };
  const mode = existing && (textAt(existing, "spec", "mtls", "mode") ?? "UNSET");
  return {
    ...{ id: "plain-text", object: existing ? titleOf(existing) : `Namespace ${namespace}`, why },
    what: existing
      ? `its mode is ${mode}, so that ${podsText(pods)} take plain text`
      : `no PeerAuthentication is STRICT for ${podsText(pods)}, which take plain text`,
    fix: existing ? patchCommand(existing, { spec: { mtls: { mode: "STRICT" } } }) : applyCommand(strict),
  };
}
