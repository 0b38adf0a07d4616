import { methods, serviceHost } from "../../config/vocabulary";
import { at, listAt, textAt, textsAt } from "../../verify/json";
import type { KubeObject } from "../../verify/lab-client";
import { isNamed, nameOf, objectsOf, textOf } from "../computed/objects/mesh-objects";
import { hasOwnProxy, httpPortsOf, isProxy, podsOf, portsOf, runningPods, senderOf } from "../computed/objects/pods";
import { backendsOf, hostAtGateway, parentsOf } from "../computed/objects/references";
import { hostHeader } from "../probe/pod";
import type { AccessRequest, Mesh, NamespacedName, Sender } from "../types";

/** The part of a mesh that a matrix shows. */
export interface ReachScope {
  /** Namespaces of senders and Services. @default all in the ambient mesh */
  namespaces: readonly string[];
  /** Services, by name or by namespace and name. @default all of the namespaces */
  services: readonly NamespacedName[];
}

interface ColumnRequest {
  method: string;
  path: string;
}

/** A port of a Service, and the requests to it. */
export interface ServiceColumn {
  service: NamespacedName;
  port: number;
  requests: readonly ColumnRequest[];
}

/** Maximum number of requests to a Service from each sender. */
const most = 8;
/** A path that no policy and no route mentions. */
const unmentioned = "/ambient-lab-unmentioned";

/** The HTTP ports of the Services of a scope, without Services of gateways and waypoints. */
export function columnsOf(mesh: Mesh, { namespaces, services }: ReachScope): ServiceColumn[] {
  return objectsOf(mesh, "Service")
    .filter(({ metadata }) => namespaces.includes(metadata?.namespace ?? ""))
    .filter((service) => services.length === 0 || services.some((each) => isNamed(service, each)))
    .filter((service) => textAt(service, "spec", "type") !== "ExternalName")
    .filter((service) => {
      const pods = podsOf(mesh, service);
      return pods.length > 0 && !pods.every(isProxy);
    })
    .sort((a, b) => (textOf(nameOf(a)) < textOf(nameOf(b)) ? -1 : 1))
    .flatMap((service) => {
      const http = httpPortsOf(service);
      // A Service without an HTTP port gets requests at its first port.
      const asked = http.length > 0 ? http : portsOf(service).slice(0, 1);
      const requests = mentionedRequests(mesh, service);
      return asked.map((port): ServiceColumn => ({ service: nameOf(service), port, requests }));
    });
}

/** The methods and paths in the policies and routes of a Service, and a path that is in none of them. */
function mentionedRequests(mesh: Mesh, service: KubeObject): ColumnRequest[] {
  const operations = policiesAbout(mesh, service).flatMap((policy) =>
    listAt(policy, "spec", "rules").flatMap((rule) =>
      listAt(rule, "to").flatMap((to) => {
        const operation = at(to, "operation");
        const methods = [...textsAt(operation, "methods"), ...textsAt(operation, "notMethods")];
        const paths = [...textsAt(operation, "paths"), ...textsAt(operation, "notPaths")].map(pathInstance);
        return crossed(methods, paths);
      }),
    ),
  );
  const routes = routesTo(mesh, service).flatMap((route) =>
    listAt(route, "spec", "rules").flatMap((rule) =>
      listAt(rule, "matches").flatMap((match) => {
        const [method, path] = [textAt(match, "method"), textAt(match, "path", "value")];
        return crossed(method ? [method] : [], path ? [path] : []);
      }),
    ),
  );
  const mentioned = [{ method: "GET", path: "/" }, ...operations, ...routes].slice(0, most - 2);
  const named = new Set(operations.map(({ method }) => method));
  // Where policies name methods, a further method.
  const other = named.size > 0 ? methods.find((method) => method !== "GET" && !named.has(method)) : undefined;
  const all = [...mentioned, ...(other ? [{ method: other, path: "/" }] : []), { method: "GET", path: unmentioned }];
  return [...new Map(all.map((each) => [`${each.method} ${each.path}`, each])).values()];
}

const isMethod = (text: string): boolean => /^[A-Z]+$/.test(text);

function crossed(methods: readonly string[], paths: readonly string[]): ColumnRequest[] {
  const known = methods.filter(isMethod);
  return (known.length > 0 ? known : ["GET"]).flatMap((method) =>
    (paths.length > 0 ? paths : ["/"]).map((path) => ({ method, path })),
  );
}

/** A path that matches a pattern of an AuthorizationPolicy. */
function pathInstance(pattern: string): string {
  const path = pattern.replaceAll("{**}", "a/b").replaceAll("{*}", "a").replaceAll("*", "x");
  return path.startsWith("/") ? path : `/${path}`;
}

/** The policies whose rules are read for methods and paths: those of the Service's namespace, and of the root namespace. */
const policiesAbout = (mesh: Mesh, service: KubeObject): readonly KubeObject[] =>
  objectsOf(mesh, "AuthorizationPolicy").filter(({ metadata, spec }) => {
    if (metadata?.namespace !== service.metadata?.namespace && metadata?.namespace !== mesh.rootNamespace) return false;
    const named = [...listAt(spec, "targetRefs"), at(spec, "targetRef")].filter(
      (target) => textAt(target, "kind") === "Service",
    );
    return named.length === 0 || named.some((target) => textAt(target, "name") === service.metadata?.name);
  });

const routesTo = (mesh: Mesh, service: KubeObject): readonly KubeObject[] =>
  objectsOf(mesh, "HTTPRoute").filter((route) => leadsTo(route, service));

/** Whether a Service is a parent of a route, or a backend of one of its rules. */
function leadsTo(route: KubeObject, service: KubeObject): boolean {
  const parents = parentsOf(route).filter(({ kind }) => kind === "Service");
  return [...parents, ...backendsOf(route)].some((ref) => isNamed(service, ref));
}

/**
 * The requests of a sender for a column. Requests through a Gateway have a host of its routes to the Service; undefined without a
 * route.
 */
export function requestsOf(
  mesh: Mesh,
  from: Sender,
  { service, port, requests }: ServiceColumn,
): (AccessRequest | undefined)[] {
  const host =
    from.kind === "gateway"
      ? hostAtGateway(mesh, from.gateway, service)
      : hostHeader(serviceHost(service.name, service.namespace), port);
  return requests.map(({ method, path }) =>
    host === undefined ? undefined : { from, to: { kind: "service", service, port }, method, path, host, headers: {} },
  );
}

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
 * without any label of the namespace's workloads, and a client of each ingress Gateway. Pods with a proxy of their own are left
 * out, since a probe pod in ambient mode cannot stand for them.
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
