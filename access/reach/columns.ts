import { methods, serviceHost } from "../../config/vocabulary";
import { at, listAt, textAt, textsAt } from "../../verify/json";
import type { KubeObject } from "../../verify/lab-client";
import { isNamed, nameOf, objectOf, objectsOf, textOf } from "../computed/objects/mesh-objects";
import { httpPortsOf, isProxy, podsOf, portsOf } from "../computed/objects/pods";
import { hostHeader } from "../probe/pod";
import type { AccessRequest, Mesh, NamespacedName, Sender } from "../types";

/** What to look at. */
export interface ReachScope {
  /** Namespaces of senders and Services. @default all in the ambient mesh */
  namespaces: readonly string[];
  /** Services, by name or by namespace and name. @default all of the namespaces */
  services: readonly NamespacedName[];
}

/** A method and a path, as they head a column. */
interface ColumnRequest {
  method: string;
  path: string;
}

/** A port of a Service, and the requests that are asked of it. */
export interface ServiceColumn {
  service: NamespacedName;
  port: number;
  requests: readonly ColumnRequest[];
}

/** Requests of a Service at most: each is sent by every sender. */
const most = 8;
/** A path that no policy and no route mentions. */
const unmentioned = "/ambient-lab-unmentioned";

/** The HTTP ports of the Services of a scope. Services of gateways and waypoints are not asked. */
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
      // A port that is not for HTTP still has callers; curl speaks HTTP to it all the same.
      const asked = http.length > 0 ? http : portsOf(service).slice(0, 1);
      const requests = mentionedRequests(mesh, service);
      return asked.map((port): ServiceColumn => ({ service: nameOf(service), port, requests }));
    });
}

/** The methods and paths that policies and routes about a Service mention, and one that none mentions. */
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
  // Where policies name methods, one that none names.
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

/** A path that a pattern of an AuthorizationPolicy admits. */
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

/** Whether a route is about a Service: it is a parent, or a backend of a rule. */
function leadsTo(route: KubeObject, service: KubeObject): boolean {
  const refs = [
    ...listAt(route, "spec", "parentRefs").filter((parent) => textAt(parent, "kind") === "Service"),
    ...listAt(route, "spec", "rules").flatMap((rule) => listAt(rule, "backendRefs")),
  ];
  return refs.some(
    (ref) =>
      textAt(ref, "name") === service.metadata?.name &&
      (textAt(ref, "namespace") ?? route.metadata?.namespace) === service.metadata?.namespace,
  );
}

/** The requests of a sender for a column. A Gateway has those to the hosts of its routes to the Service; none without a route. */
export function requestsOf(
  mesh: Mesh,
  from: Sender,
  { service, port, requests }: ServiceColumn,
): (AccessRequest | undefined)[] {
  const host =
    from.kind === "gateway"
      ? hostAt(mesh, from.gateway, service)
      : hostHeader(serviceHost(service.name, service.namespace), port);
  return requests.map(({ method, path }) =>
    host === undefined ? undefined : { from, to: { kind: "service", service, port }, method, path, host, headers: {} },
  );
}

function hostAt(mesh: Mesh, gateway: NamespacedName, service: NamespacedName): string | undefined {
  const object = objectOf(mesh, "Service", service);
  const route =
    object &&
    routesTo(mesh, object).find((each) =>
      listAt(each, "spec", "parentRefs").some(
        (parent) =>
          (textAt(parent, "kind") ?? "Gateway") === "Gateway" &&
          textAt(parent, "name") === gateway.name &&
          (textAt(parent, "namespace") ?? each.metadata?.namespace) === gateway.namespace,
      ),
    );
  return (
    route && (textsAt(route, "spec", "hostnames")[0]?.replace("*", "x") ?? serviceHost(service.name, service.namespace))
  );
}
