import { at, listAt, numberAt, textAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import type { AccessDecision, Mesh, NamespacedName } from "../../types";
import type { MeshProxy } from "../objects/binding";
import { labelsOf, nameOf, objectOf, textOf, titleOf, unreadReason } from "../objects/mesh-objects";
import { connectionChange, extensionOf } from "../objects/obstacles";
import { isReady } from "../objects/pods";
import {
  className,
  controllerOf,
  identitiesOf,
  ingressUsesWaypoint,
  instancesOf,
  waypointOf,
} from "../objects/waypoints";
import { listenersFor, routesAtGateway } from "../routes/gateway-routes";
import type { Backend } from "../routes/http-route";
import type { Identity, SeenHttp } from "../rules/seen";
import { tokenVerdict } from "../rules/token";
import { verdictAtProxy } from "../rules/verdict";
import { after, agreed, alongRoutes, endedBy, unknown, unreachable } from "./decision";
import { behind, isHeadless } from "./pod";
import { atWaypoint, proxyKinds } from "./waypoint";

/** A request from outside the mesh through a Gateway. */
export function throughGateway(mesh: Mesh, name: NamespacedName, http: SeenHttp): AccessDecision {
  const unread = unreadReason(mesh, [
    ...["Namespace", "Service", "Pod", "Gateway", "NetworkPolicy"],
    ...[...proxyKinds, "HTTPRoute", "GRPCRoute", "ReferenceGrant"],
  ]);
  if (unread) return unknown(unread);
  const gateway = objectOf(mesh, "Gateway", name);
  if (!gateway) return unreachable(`Gateway ${textOf(name)} does not exist`);
  if (controllerOf(mesh, gateway) !== "istio.io/gateway-controller")
    return unknown(`${titleOf(gateway)} is of class ${className(gateway)}: what such a proxy does is not computed`);
  if (listAt(gateway, "spec", "addresses").some((each) => textAt(each, "type") !== "IPAddress"))
    return unknown(`${titleOf(gateway)} uses a proxy that was deployed by hand`);
  const [identity, ...more] = identitiesOf(mesh, gateway);
  if (!identity) return unreachable(`${titleOf(gateway)} has no ready pod`);
  if (more.length > 0) return unknown(`the pods of ${titleOf(gateway)} have different ServiceAccounts`);
  const listeners = listenersFor(gateway);
  const ports = [...new Set(listeners.map((each) => numberAt(each, "port") ?? 0))];
  if (ports.length === 0) return unknown(`${titleOf(gateway)} has no listener for HTTP`);
  const decisions = ports.map((port) =>
    atGateway(
      mesh,
      gateway,
      { port, listeners: listeners.filter((each) => numberAt(each, "port") === port) },
      identity,
      http,
    ),
  );
  return agreed(decisions);
}

interface GatewayPort {
  port: number;
  listeners: readonly unknown[];
}

function atGateway(
  mesh: Mesh,
  gateway: KubeObject,
  { port, listeners }: GatewayPort,
  identity: Identity,
  http: SeenHttp,
): AccessDecision {
  const [pod] = instancesOf(mesh, gateway).filter(isReady);
  const proxy: MeshProxy = { kind: "gateway", gateway: nameOf(gateway), labels: pod ? labelsOf(pod) : {} };
  const changed = extensionOf(mesh, proxy);
  if (changed) return unknown(changed);
  if (listeners.some((each) => at(each, "tls", "frontendValidation") !== undefined))
    return unknown(`${titleOf(gateway)} asks its clients for certificates`);
  if (http.malformed !== undefined) return unknown(http.malformed);
  const token = tokenVerdict(mesh, proxy, http);
  if (token.is === "denied") return endedBy(token, "gateway") ?? unknown(token.because);
  const verdict = verdictAtProxy(mesh, proxy, { port, http: token.http });
  const end = endedBy(verdict, "gateway");
  if (end) return end;
  const routes = routesAtGateway(mesh, gateway, listeners, token.forwarded);
  return alongRoutes(routes, "gateway", (backend, request) =>
    backend && request
      ? after(verdict.because, fromGateway(mesh, backend, identity, request))
      : unknown("a gateway has no Service of its own"),
  );
}

/** The way from a gateway to a Service: through its waypoint only with the label `ingress-use-waypoint`. */
function fromGateway(mesh: Mesh, backend: Backend, identity: Identity, http: SeenHttp): AccessDecision {
  const service = objectOf(mesh, "Service", backend.service);
  const { port } = backend;
  if (!service || port === undefined) return unreachable(`Service ${textOf(backend.service)} cannot be sent to`);
  const changed = connectionChange(mesh, backend.service);
  if (changed) return unknown(changed);
  const binding = isHeadless(service) ? { kind: "none" as const } : waypointOf(mesh, service, "service");
  if (binding.kind === "unclear" && ingressUsesWaypoint(mesh, service)) return unknown(binding.reason);
  if (binding.kind === "bound" && ingressUsesWaypoint(mesh, service))
    return atWaypoint(mesh, binding.waypoint, { service, port }, identity, http);
  return behind(mesh, service, { port }, identity);
}
