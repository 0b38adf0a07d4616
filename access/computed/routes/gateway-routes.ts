import { at, listAt, numberAt, textAt, textsAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import type { Mesh } from "../../types";
import { gatewayGroup } from "../objects/binding";
import { nameOf, objectsOf, refersTo } from "../objects/mesh-objects";
import { isSameName, parentsOf } from "../objects/references";
import { namespaceAllowed } from "../objects/waypoints";
import type { SeenHttp } from "../rules/seen";
import { type Route, routesOf } from "./http-route";

/** The kinds of routes at HTTP listeners of a gateway. */
const kinds = ["HTTPRoute", "GRPCRoute"];

/** The listeners of a Gateway for HTTP requests: those for HTTP, else those that terminate TLS. */
export function listenersFor(gateway: KubeObject): readonly unknown[] {
  const all = listAt(gateway, "spec", "listeners");
  const plain = all.filter((each) => at(each, "protocol") === "HTTP");
  return plain.length > 0
    ? plain
    : all.filter((each) => at(each, "protocol") === "HTTPS" && textAt(each, "tls", "mode") !== "Passthrough");
}

/** The routes of a gateway for a request at one of its ports, or the reason why they are not known. */
export function routesAtGateway(
  mesh: Mesh,
  gateway: KubeObject,
  listeners: readonly unknown[],
  http: SeenHttp,
): Route[] | { readonly unclear: string } {
  const host = bareHost(http.host);
  const attached = listeners.flatMap((listener) =>
    kinds
      .flatMap((kind) => objectsOf(mesh, kind))
      .filter((route) => attachesTo(mesh, route, gateway, listener))
      .flatMap((route) => domainsOf(route, listener).map((domain) => ({ route, listener, domain }))),
  );
  const fitting = attached.filter(({ domain }) => takes(domain, host));
  const [best] = fitting.sort((a, b) => weightOf(b.domain) - weightOf(a.domain));
  if (!best) return [];
  const chosen = fitting.filter(({ domain }) => domain === best.domain);
  // The listener with the most specific host name gets a request; istiod merges the listeners of a port.
  const names = listeners.map(nameOfListener).filter((name) => takes(name, host));
  const narrowest = Math.max(...names.map(weightOf));
  if (chosen.every(({ listener }) => weightOf(nameOfListener(listener)) < narrowest))
    return { unclear: `a listener with a more specific name than that of the route takes the host ${host}` };
  return routesOf(mesh, [...new Set(chosen.map(({ route }) => route))], http, { grants: true });
}

const bareHost = (host: string): string => host.replace(/:\d+$/, "").toLowerCase();

const nameOfListener = (listener: unknown): string => textAt(listener, "hostname") || "*";

/** Whether a host name of a listener or route matches a host: "*" matches all, "*.suffix" those with at least one further label. */
const takes = (name: string, host: string): boolean =>
  name === "*" || (name.startsWith("*.") ? host.endsWith(name.slice(1).toLowerCase()) : name.toLowerCase() === host);

/** Full names rank before wildcards, longer names before shorter ones. */
const weightOf = (name: string): number => (name.startsWith("*") ? name.length : name.length + 1000);

/** The host names of a route at a listener: of both names the more specific one. */
function domainsOf(route: KubeObject, listener: unknown): string[] {
  const own = nameOfListener(listener);
  const hostnames = textsAt(route, "spec", "hostnames");
  if (hostnames.length === 0) return [own];
  return hostnames.flatMap((hostname) => {
    if (takes(own, hostname.replace(/^\*\./, "x."))) return [weightOf(own) > weightOf(hostname) ? own : hostname];
    return takes(hostname, own.replace(/^\*\./, "x.")) ? [own] : [];
  });
}

function attachesTo(mesh: Mesh, route: KubeObject, gateway: KubeObject, listener: unknown): boolean {
  const { namespace } = nameOf(route);
  const own = nameOf(gateway);
  const named = parentsOf(route).some(
    (parent) =>
      refersTo(parent, gatewayGroup, "Gateway") &&
      isSameName(parent, own) &&
      [undefined, textAt(listener, "name")].includes(parent.sectionName) &&
      [undefined, numberAt(listener, "port")].includes(parent.port),
  );
  const allowed = listAt(listener, "allowedRoutes", "kinds");
  return (
    named &&
    (allowed.length === 0 || allowed.some((each) => textAt(each, "kind") === route.kind)) &&
    namespaceAllowed(mesh, at(listener, "allowedRoutes", "namespaces"), own.namespace, namespace)
  );
}
