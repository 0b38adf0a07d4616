import { serviceHost } from "../../../config/vocabulary";
import { listAt, numberAt, textAt, textsAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import type { Mesh, NamespacedName } from "../../types";
import { gatewayGroup } from "./binding";
import { nameOf, objectsOf, refersTo } from "./mesh-objects";

/** A reference of a route to a parent or a backend, with the defaults of the Gateway API. */
interface Reference extends NamespacedName {
  group: string;
  kind: string;
  port?: number;
  sectionName?: string;
}

function referenceOf(ref: unknown, route: KubeObject, defaultKind: "Gateway" | "Service"): Reference {
  const kind = textAt(ref, "kind") ?? defaultKind;
  const [port, sectionName] = [numberAt(ref, "port"), textAt(ref, "sectionName")];
  return {
    group: textAt(ref, "group") ?? (kind === "Service" ? "" : gatewayGroup),
    kind,
    namespace: textAt(ref, "namespace") ?? nameOf(route).namespace,
    name: textAt(ref, "name") ?? "",
    ...(port === undefined ? {} : { port }),
    ...(sectionName === undefined ? {} : { sectionName }),
  };
}

/** The parents of a route. */
export const parentsOf = (route: KubeObject): Reference[] =>
  listAt(route, "spec", "parentRefs").map((ref) => referenceOf(ref, route, "Gateway"));

/** A backend of a route's rule. */
export const backendOf = (ref: unknown, route: KubeObject): Reference => referenceOf(ref, route, "Service");

/** The backends of all rules of a route. */
export const backendsOf = (route: KubeObject): Reference[] =>
  listAt(route, "spec", "rules")
    .flatMap((rule) => listAt(rule, "backendRefs"))
    .map((ref) => backendOf(ref, route));

export const isSameName = (a: NamespacedName, b: NamespacedName): boolean =>
  a.name === b.name && a.namespace === b.namespace;

/** The HTTPRoutes of a Gateway. */
export const routesOfGateway = (mesh: Mesh, gateway: NamespacedName): KubeObject[] =>
  objectsOf(mesh, "HTTPRoute").filter((route) =>
    parentsOf(route).some((parent) => refersTo(parent, gatewayGroup, "Gateway") && isSameName(parent, gateway)),
  );

/** A host name at which a Gateway routes requests to a Service; undefined without such a route. */
export function hostAtGateway(mesh: Mesh, gateway: NamespacedName, service: NamespacedName): string | undefined {
  const route = routesOfGateway(mesh, gateway).find((each) =>
    backendsOf(each).some((backend) => isSameName(backend, service)),
  );
  return route && hostOfRoute(route, service);
}

/** The first host name of a route; of a route without host names that of the Service. */
export const hostOfRoute = (route: KubeObject, { namespace, name }: NamespacedName): string =>
  textsAt(route, "spec", "hostnames")[0]?.replace("*", "x") ?? serviceHost(name, namespace);
