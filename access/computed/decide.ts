import { hasLabels } from "../../verify/declared/authorization";
import { textAt } from "../../verify/json";
import type { KubeObject } from "../../verify/lab-client";
import type { AccessDecision, AccessRequest, Destination, Mesh, NamespacedName, Sender } from "../types";
import { meshConfigOf, unusualSetting } from "./objects/mesh-config";
import { labelsOf, nameOf, objectOf, objectsOf, textOf, titleOf, unreadReason } from "./objects/mesh-objects";
import { networkPolicyOn } from "./objects/obstacles";
import { accountOf, hasAddress, hasOwnProxy, isReady, podsOf, portOf } from "./objects/pods";
import { waypointOf } from "./objects/waypoints";
import { agreed, unknown, unreachable } from "./path/decision";
import { throughGateway } from "./path/gateway";
import { atPod, behind, isHeadless } from "./path/pod";
import { atWaypoint } from "./path/waypoint";
import { malformedTarget, normalPath } from "./rules/path-text";
import type { Identity, SeenHttp } from "./rules/seen";

/**
 * Computes the result of a request from the configuration: how istiod binds the policies and routes of the mesh, and how gateway, waypoint
 * and ztunnel apply them. A token counts as valid: signed by its issuer, and not expired. The outcome is "unknown" where the objects do not
 * determine the result.
 *
 * @param mesh the objects; whether a pod is ready and enrolled is taken from its status and annotations
 * @param request its host is the Host header of the request
 */
export function computeDecision(mesh: Mesh, request: AccessRequest): AccessDecision {
  const unusual = unreadReason(mesh, ["MeshConfig"]) ?? unusualSetting(mesh);
  if (unusual) return unknown(unusual);
  const http = httpOf(mesh, request);
  return request.from.kind === "gateway"
    ? throughGateway(mesh, request.from.gateway, http)
    : fromWorkload(mesh, request.from, request.to, http);
}

function httpOf(mesh: Mesh, { method, path, host, headers, claims }: AccessRequest): SeenHttp {
  const malformed = malformedTarget(path);
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    ...{ method, host, path: normalPath(path, meshConfigOf(mesh).pathNormalization) },
    headers: Object.fromEntries(lower),
    ...(malformed === undefined ? {} : { malformed }),
    ...(claims === undefined ? {} : { token: claims }),
  };
}

type WorkloadSender = Extract<Sender, { kind: "workload" }>;

function fromWorkload(mesh: Mesh, from: WorkloadSender, to: Destination, http: SeenHttp): AccessDecision {
  const unread = unreadReason(mesh, ["Namespace", "Service", "Pod", "Gateway", "NetworkPolicy"]);
  if (unread) return unknown(unread);
  if (!from.inMesh && hasProxyItself(mesh, from))
    return unknown("the sender has a proxy of its own, which may prove an identity");
  const { namespace, serviceAccount } = from;
  const identity = from.inMesh ? { trustDomain: mesh.trustDomain, namespace, serviceAccount } : undefined;
  const decision =
    to.kind === "pod" ? toPodAddress(mesh, to, identity, http) : toService(mesh, to.service, to.port, identity, http);
  const limit = networkPolicyOn(mesh, from, "Egress");
  return limit && decision.outcome === "allowed"
    ? unknown(`${titleOf(limit)} restricts what the sender sends`)
    : decision;
}

/** Whether a sender outside the ambient mesh is a pod with a proxy of its own. */
const hasProxyItself = (mesh: Mesh, { namespace, serviceAccount, labels }: WorkloadSender): boolean =>
  Object.keys(labels).length > 0 &&
  objectsOf(mesh, "Pod").some(
    (pod) =>
      nameOf(pod).namespace === namespace &&
      accountOf(pod) === serviceAccount &&
      hasLabels(labelsOf(pod), labels) &&
      hasOwnProxy(pod),
  );

type ToPod = Extract<Destination, { kind: "pod" }>;

function toPodAddress(mesh: Mesh, to: ToPod, identity: Identity | undefined, http: SeenHttp): AccessDecision {
  const pod = objectOf(mesh, "Pod", to.pod);
  if (!pod || !hasAddress(pod))
    return unreachable(`Pod ${textOf(to.pod)} ${pod ? "has no address" : "does not exist"}`);
  return atAddress(mesh, pod, to.port, identity, http);
}

/** A request to the address of a pod. It passes a waypoint only if the pod has one. */
function atAddress(
  mesh: Mesh,
  pod: KubeObject,
  port: number,
  identity: Identity | undefined,
  http: SeenHttp,
): AccessDecision {
  const binding = identity ? waypointOf(mesh, pod, "workload") : { kind: "none" as const };
  if (binding.kind === "unclear") return unknown(binding.reason);
  if (binding.kind !== "bound") return atPod(mesh, pod, port, identity);
  return atWaypoint(mesh, binding.waypoint, { pod, port }, identity, http);
}

function toService(
  mesh: Mesh,
  name: NamespacedName,
  port: number,
  identity: Identity | undefined,
  http: SeenHttp,
): AccessDecision {
  const service = objectOf(mesh, "Service", name);
  if (!service)
    return objectOf(mesh, "ServiceEntry", name)
      ? unknown(`ServiceEntry ${textOf(name)} is not a Service of the cluster`)
      : unreachable(`Service ${textOf(name)} does not exist`);
  if (textAt(service, "spec", "type") === "ExternalName")
    return unknown(`${titleOf(service)} is a name outside the cluster`);
  if (isHeadless(service)) {
    // Its DNS name resolves to the addresses of the pods, so that no proxy sees the Service.
    const pods = podsOf(mesh, service).filter(isReady);
    return agreed(pods.map((pod) => atAddress(mesh, pod, port, identity, http)));
  }
  if (!portOf(service, port)) return unreachable(`${titleOf(service)} has no TCP port ${port}`);
  const binding = identity ? waypointOf(mesh, service, "service") : { kind: "none" as const };
  if (binding.kind === "unclear") return unknown(binding.reason);
  if (binding.kind === "bound") return atWaypoint(mesh, binding.waypoint, { service, port }, identity, http);
  return behind(mesh, service, { port }, identity);
}
