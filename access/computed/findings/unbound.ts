import { hasLabels } from "../../../verify/declared/authorization";
import { listAt, textAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import type { Mesh } from "../../types";
import { gatewayGroup, selectorOf, targetRefsOf, waypointClass } from "../objects/binding";
import {
  labelsOf,
  nameOf,
  objectOf,
  objectsOf,
  refersTo,
  textOf,
  titleOf,
  unreadReason,
} from "../objects/mesh-objects";
import { isInMesh } from "../objects/pods";
import { className, controllerOf, isIstioWaypoint, waypointOf } from "../objects/waypoints";
import { withWaypoint } from "./at-ztunnel";
import type { ConfigurationFinding } from "./finding";
import { editCommand, patchCommand } from "./fixes";

const kinds = ["AuthorizationPolicy", "RequestAuthentication"] as const;

/** Policies that no proxy enforces: their selector selects no pod, or their target does not exist or has no waypoint. */
export function unboundPolicies(mesh: Mesh): ConfigurationFinding[] {
  if (unreadReason(mesh, ["Pod", "Service", "Gateway", "GatewayClass", "Namespace", "ServiceEntry"])) return [];
  return kinds
    .flatMap((kind) => objectsOf(mesh, kind))
    .flatMap((policy) => {
      const refs = targetRefsOf(policy);
      const problems =
        refs.length > 0
          ? refs.flatMap((ref) => refProblem(mesh, policy, ref) ?? [])
          : [selectorProblem(mesh, policy) ?? []].flat();
      return problems.map(({ what, fix }) => ({
        id: "bound-to-nothing" as const,
        object: titleOf(policy),
        what,
        why: "no proxy enforces a policy that is bound to nothing, although the cluster accepts it",
        fix,
      }));
    });
}

interface Problem {
  what: string;
  fix: string;
}

function refProblem(mesh: Mesh, policy: KubeObject, ref: unknown): Problem | undefined {
  const { namespace } = nameOf(policy);
  const [kind, name] = [textAt(ref, "kind") ?? "", textAt(ref, "name") ?? ""];
  const within = textAt(ref, "namespace") ?? namespace;
  if (refersTo(ref, gatewayGroup, "GatewayClass")) return classProblem(mesh, policy, name);
  if (within !== namespace) return { what: `it names ${kind} ${name} of another namespace`, fix: editCommand(policy) };
  if (refersTo(ref, "", "Service")) return serviceProblem(mesh, policy, name);
  if (refersTo(ref, gatewayGroup, "Gateway")) {
    const gateway = objectOf(mesh, "Gateway", { namespace, name });
    if (!gateway) return { what: `Gateway ${textOf({ namespace, name })} does not exist`, fix: editCommand(policy) };
    return controllerOf(mesh, gateway) === undefined
      ? { what: `GatewayClass ${className(gateway)} of ${titleOf(gateway)} does not exist`, fix: editCommand(gateway) }
      : undefined;
  }
  if (refersTo(ref, "networking.istio.io", "ServiceEntry"))
    return objectOf(mesh, "ServiceEntry", { namespace, name })
      ? undefined
      : { what: `ServiceEntry ${textOf({ namespace, name })} does not exist`, fix: editCommand(policy) };
  return {
    what: `it names a ${kind} of group "${textAt(ref, "group") ?? ""}", which is no target of a policy`,
    fix: editCommand(policy),
  };
}

function classProblem(mesh: Mesh, policy: KubeObject, name: string): Problem | undefined {
  const { namespace, name: own } = nameOf(policy);
  if (name !== waypointClass)
    return {
      what: `it names GatewayClass ${name}: only ${waypointClass} can be named as a whole`,
      fix: editCommand(policy),
    };
  if (namespace === mesh.rootNamespace) return undefined;
  const moved = `kubectl get authorizationpolicies.security.istio.io ${own} --namespace ${namespace} --output yaml | sed 's/^  namespace: ${namespace}$/  namespace: ${mesh.rootNamespace}/;/^  \\(uid\\|resourceVersion\\|creationTimestamp\\|generation\\):/d;/^status:/,$d' | kubectl create --filename -`;
  return {
    what: `it names GatewayClass ${name} outside the root namespace ${mesh.rootNamespace}`,
    fix: policy.kind === "AuthorizationPolicy" ? moved : editCommand(policy),
  };
}

function serviceProblem(mesh: Mesh, policy: KubeObject, name: string): Problem | undefined {
  const { namespace } = nameOf(policy);
  const service = objectOf(mesh, "Service", { namespace, name });
  if (!service) return { what: `Service ${textOf({ namespace, name })} does not exist`, fix: editCommand(policy) };
  const binding = waypointOf(mesh, service, "service");
  if (binding.kind === "none")
    return { what: `${titleOf(service)} has no waypoint, which would enforce it`, fix: withWaypoint(mesh, service) };
  if (binding.kind === "refused")
    return {
      what: `${titleOf(service)} has no waypoint, which would enforce it: ${binding.reason}`,
      fix: withWaypoint(mesh, service),
    };
  if (binding.kind === "bound" && textAt(service, "spec", "clusterIP") === "None")
    return {
      what: `${titleOf(service)} has no address of its own, so that no caller goes through its waypoint`,
      fix: editCommand(service),
    };
  return undefined;
}

/** A selector applies to pods in the mesh and to gateways, not to waypoints. */
function selectorProblem(mesh: Mesh, policy: KubeObject): Problem | undefined {
  const { namespace } = nameOf(policy);
  const pods = objectsOf(mesh, "Pod").filter(
    (pod) =>
      (namespace === mesh.rootNamespace || pod.metadata?.namespace === namespace) &&
      hasLabels(labelsOf(pod), selectorOf(policy)),
  );
  // ztunnel does not support RequestAuthentication.
  const enforcing = pods.filter(
    (pod) => (policy.kind === "AuthorizationPolicy" && isInMesh(pod)) || isGateway(mesh, pod),
  );
  if (enforcing.length > 0) return undefined;
  const [waypoint] = pods.flatMap((pod) => gatewayOf(mesh, pod) ?? []).filter((each) => isIstioWaypoint(mesh, each));
  if (waypoint) {
    const targetRefs = [{ group: gatewayGroup, kind: "Gateway", name: nameOf(waypoint).name }];
    return {
      what: `its selector selects the pods of waypoint ${textOf(nameOf(waypoint))}, which has policies by targetRefs alone`,
      fix: patchCommand(policy, { spec: { selector: null, targetRefs } }),
    };
  }
  const [first] = pods;
  if (first && policy.kind === "RequestAuthentication")
    return {
      what: `it selects ${textOf(nameOf(first))} and other pods without a gateway, whose ztunnel reads no tokens`,
      fix: editCommand(policy),
    };
  if (first)
    return {
      what: `it selects ${titleOf(first)}, which is outside the mesh${pods.length > 1 ? `, as all of its ${pods.length} pods are` : ""}`,
      fix: `kubectl label namespace ${nameOf(first).namespace} --overwrite istio.io/dataplane-mode=ambient`,
    };
  const labels = Object.entries(Object(selectorOf(policy))).map(([key, value]) => `${key}=${value}`);
  return {
    what:
      labels.length > 0
        ? `no pod of ${namespace === mesh.rootNamespace ? "the mesh" : `namespace ${namespace}`} has the labels ${labels.join(",")}`
        : `namespace ${namespace} has no pod`,
    fix: editCommand(policy),
  };
}

const gatewayOf = (mesh: Mesh, pod: KubeObject): KubeObject | undefined => {
  const name = labelsOf(pod)["gateway.networking.k8s.io/gateway-name"];
  return name === undefined ? undefined : objectOf(mesh, "Gateway", { namespace: nameOf(pod).namespace, name });
};

function isGateway(mesh: Mesh, pod: KubeObject): boolean {
  const gateway = gatewayOf(mesh, pod);
  if (gateway) return !isIstioWaypoint(mesh, gateway);
  // A gateway that was deployed by hand has no Gateway of the Gateway API.
  return listAt(pod, "spec", "containers").some((each) => textAt(each, "name") === "istio-proxy");
}
