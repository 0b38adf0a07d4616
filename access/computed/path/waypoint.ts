import { listAt, numberAt, textAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import type { AccessDecision, Mesh, NamespacedName } from "../../types";
import type { MeshProxy } from "../objects/binding";
import { nameOf, objectOf, objectsOf, refersTo, textOf, titleOf, unreadReason } from "../objects/mesh-objects";
import { connectionChange, extensionKinds, extensionOf } from "../objects/obstacles";
import { addressesOf, isHttpPort, portOf } from "../objects/pods";
import { isSameName, parentsOf } from "../objects/references";
import { className, identitiesOf, isIstioWaypoint } from "../objects/waypoints";
import { type Backend, type Route, routesOf } from "../routes/http-route";
import { virtualRoutes, virtualServicesFor } from "../routes/virtual-service";
import type { Identity, SeenHttp } from "../rules/seen";
import { tokenVerdict } from "../rules/token";
import { verdictAtProxy } from "../rules/verdict";
import { after, alongRoutes, endedBy, unknown, unreachable } from "./decision";
import { atPod, behind } from "./pod";

/** The destination of a request at a waypoint. */
type Target = { service: KubeObject; port: number } | { pod: KubeObject; port: number };

/** Kinds that configure the Envoy proxies of a mesh. */
export const proxyKinds = [
  "AuthorizationPolicy",
  "RequestAuthentication",
  "GatewayClass",
  "DestinationRule",
  ...extensionKinds,
];

/** The decision about a request that is sent to a waypoint. */
export function atWaypoint(
  mesh: Mesh,
  waypoint: KubeObject,
  target: Target,
  identity: Identity | undefined,
  http: SeenHttp,
): AccessDecision {
  const decision = passWaypoint(mesh, waypoint, target, identity, http);
  return { ...decision, waypoint: nameOf(waypoint) };
}

function passWaypoint(
  mesh: Mesh,
  waypoint: KubeObject,
  target: Target,
  identity: Identity | undefined,
  http: SeenHttp,
): AccessDecision {
  const title = `waypoint ${textOf(nameOf(waypoint))}`;
  const unread = unreadReason(mesh, [...proxyKinds, "HTTPRoute", "GRPCRoute", "VirtualService"]);
  if (unread) return unknown(unread);
  if (!isIstioWaypoint(mesh, waypoint))
    return unknown(`${title} is of class ${className(waypoint)}: what such a proxy does is not computed`);
  const [own, ...more] = identitiesOf(mesh, waypoint);
  if (!own) return unreachable(`${title} has no ready pod`);
  if (more.length > 0) return unknown(`the pods of ${title} have different ServiceAccounts`);
  const service = "service" in target ? nameOf(target.service) : undefined;
  const proxy: MeshProxy = {
    ...{ kind: "waypoint", gateway: nameOf(waypoint), labels: {} },
    ...(service ? { service } : {}),
  };
  const changed = extensionOf(mesh, proxy) ?? (service && connectionChange(mesh, service));
  if (changed) return unknown(changed);
  const readsHttp = "pod" in target || isHttpPort(portOf(target.service, target.port));
  if (readsHttp && http.malformed !== undefined) return unknown(http.malformed);
  const token = readsHttp ? tokenVerdict(mesh, proxy, http) : undefined;
  if (token?.is === "denied") return endedBy(token, "waypoint") ?? unknown(token.because);
  const { port } = target;
  const verdict = verdictAtProxy(mesh, proxy, { identity, port, addresses: addressesIn(target), http: token?.http });
  const end = endedBy(verdict, "waypoint");
  if (end) return end;
  if ("pod" in target) return after(verdict.because, atPod(mesh, target.pod, target.port, own));
  const next = token
    ? alongRoutes(serviceRoutes(mesh, target, nameOf(waypoint), token.http), "waypoint", (backend) =>
        toBackend(mesh, backend, target, own),
      )
    : opaqueNext(mesh, target, own);
  return after(verdict.because, next);
}

function addressesIn(target: Target): readonly string[] {
  if ("pod" in target) return addressesOf(target.pod);
  const all = listAt(target.service, "spec", "clusterIPs").flatMap((each) => (typeof each === "string" ? each : []));
  const address = textAt(target.service, "spec", "clusterIP");
  return all.length > 0 ? all : address === undefined ? [] : [address];
}

type ServiceTarget = Extract<Target, { service: KubeObject }>;

/** The routes of a Service at its waypoint; undefined without routes, when all requests are sent to the Service. */
function serviceRoutes(
  mesh: Mesh,
  { service, port }: ServiceTarget,
  waypoint: NamespacedName,
  http: SeenHttp,
): Route[] | undefined | { readonly unclear: string } {
  const name = nameOf(service);
  const virtual = virtualServicesFor(mesh, name, waypoint);
  const routes = ["HTTPRoute", "GRPCRoute"]
    .flatMap((kind) => objectsOf(mesh, kind))
    .filter((route) => [name.namespace, waypoint.namespace].includes(nameOf(route).namespace))
    .filter((route) => isParent(route, name, port));
  if (virtual.length > 0 && routes.length > 0)
    return {
      unclear: `${titleOf(service)} has routes of VirtualServices and of HTTPRoutes, which Istio does not define`,
    };
  if (routes.length > 0) return routesOf(mesh, routes, http, { grants: false });
  const own = virtual.flatMap((each) => virtualRoutes(mesh, each, http, { port, waypoint }));
  return own.length > 0 ? own : undefined;
}

const isParent = (route: KubeObject, service: NamespacedName, port: number): boolean =>
  parentsOf(route).some(
    (parent) =>
      refersTo(parent, "", "Service") && isSameName(parent, service) && [undefined, port].includes(parent.port),
  );

/** Connections that a waypoint forwards without reading HTTP. Routes of layer 4 are not computed. */
function opaqueNext(mesh: Mesh, { service, port }: ServiceTarget, identity: Identity): AccessDecision {
  const unread = unreadReason(mesh, ["TCPRoute", "TLSRoute"]);
  if (unread) return unknown(unread);
  const name = nameOf(service);
  const routed = ["TCPRoute", "TLSRoute"]
    .flatMap((kind) => objectsOf(mesh, kind))
    .find((route) => isParent(route, name, port));
  const virtual = virtualServicesFor(mesh, name, name).find(
    (each) => listAt(each, "spec", "tcp").length + listAt(each, "spec", "tls").length > 0,
  );
  const found = routed ?? virtual;
  return found
    ? unknown(`${titleOf(found)} routes connections, which is not computed`)
    : behind(mesh, service, { port }, identity);
}

/** The way from a waypoint to the Service of a route. A waypoint of that Service is not used. */
function toBackend(mesh: Mesh, backend: Backend | undefined, own: ServiceTarget, identity: Identity): AccessDecision {
  if (!backend) return behind(mesh, own.service, { port: own.port }, identity);
  const service = objectOf(mesh, "Service", backend.service);
  if (!service) return unreachable(`Service ${textOf(backend.service)} does not exist`);
  const changed = connectionChange(mesh, backend.service);
  if (changed) return unknown(changed);
  const [only, ...more] = listAt(service, "spec", "ports");
  const port = backend.port ?? (more.length === 0 ? numberAt(only, "port") : undefined) ?? own.port;
  return behind(mesh, service, { ...backend, port }, identity);
}
