import { at, listAt, numberAt, textAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import type { Mesh, NamespacedName } from "../../types";
import { gatewayGroup } from "../objects/binding";
import { byAge, nameOf, objectOf, objectsOf, refersTo, textOf, titleOf } from "../objects/mesh-objects";
import { backendOf } from "../objects/references";
import type { SeenHttp } from "../rules/seen";
import { allOf, type Truth, unclear } from "../rules/truth";

/** A destination of a route that can be sent to. */
export interface Backend {
  service: NamespacedName;
  port?: number;
  /** Name of a DestinationRule's subset of the Service. */
  subset?: string;
}

/** The action of a route. */
export type RouteAction =
  | { kind: "redirect"; to: string }
  /** `broken` backends are answered by the proxy itself, with an error. */
  | { kind: "send"; backends: readonly Backend[]; broken?: string; request: SeenHttp }
  /** The proxy answers the request. */
  | { kind: "answer"; because: string }
  | { kind: "unclear"; reason: string };

/** A fault that a route injects before it sends. */
export interface Fault {
  delay?: { ms: number; percent: number };
  abort?: { status: number; percent: number };
}

/** One match of a route, in the order of the proxy. */
export interface Route {
  /** The object of the route, such as "HTTPRoute default/appb". */
  of: string;
  matches: Truth;
  action: RouteAction;
  fault?: Fault;
}

/**
 * HTTPRoutes and GRPCRoutes as the routes of a proxy (istio 1.31, pilot/pkg/config/kube/gateway/conversion.go: convertHTTPRoute and
 * sortHTTPRoutes).
 */
export function routesOf(
  mesh: Mesh,
  objects: readonly KubeObject[],
  http: SeenHttp,
  /** Whether a backend in another namespace needs a ReferenceGrant: at gateways, and not at waypoints. */
  { grants }: { grants: boolean },
): Route[] {
  const routes = byAge(objects).flatMap((object) =>
    listAt(object, "spec", "rules").flatMap((rule) => {
      const matches = listAt(rule, "matches");
      return (matches.length > 0 ? matches : [{}]).map((match) => ({
        rank: object.kind === "GRPCRoute" ? grpcRank(match) : httpRank(match),
        route: {
          of: titleOf(object),
          matches: object.kind === "GRPCRoute" ? grpcMatches(match, http) : httpMatches(match, http),
          action: actionOf(mesh, rule, match, object, http, grants),
        },
      }));
    }),
  );
  // Array.prototype.sort keeps the order of equals: that of the objects and their rules.
  return routes.sort((a, b) => order(a.rank, b.rank)).map(({ route }) => route);
}

const order = (a: readonly number[], b: readonly number[]): number => {
  const index = a.findIndex((each, at) => each !== b[at]);
  return index < 0 ? 0 : (b[index] ?? 0) - (a[index] ?? 0);
};

const pathKinds = ["RegularExpression", "PathPrefix", "Exact"];

/** Exact paths first, then longer ones, then those with a method, then more headers, then more query parameters. */
function httpRank(match: unknown): number[] {
  const [type, value] = [textAt(match, "path", "type") ?? "PathPrefix", textAt(match, "path", "value") ?? "/"];
  return [
    pathKinds.indexOf(type),
    value.length,
    at(match, "method") === undefined ? 0 : 1,
    listAt(match, "headers").length,
    listAt(match, "queryParams").length,
  ];
}

function httpMatches(match: unknown, http: SeenHttp): Truth {
  const method = textAt(match, "method");
  return allOf([
    pathMatches(match, http),
    method === undefined || method === http.method,
    ...listAt(match, "headers").map((header) => valueMatches(header, headerOf(http, textAt(header, "name") ?? ""))),
    // Requests are compared without a query.
    listAt(match, "queryParams").length === 0,
  ]);
}

export const headerOf = (http: SeenHttp, name: string): string | undefined => {
  const key = name.toLowerCase();
  if (key === "host" || key === ":authority") return http.host;
  return key === ":method" ? http.method : http.headers[key];
};

function valueMatches(matcher: unknown, text: string | undefined): Truth {
  const value = textAt(matcher, "value") ?? "";
  if (text === undefined) return false;
  return textAt(matcher, "type") === "RegularExpression" ? fitsExpression(text, value) : text === value;
}

/** Whether a regular expression of RE2 matches a text as a whole. JavaScript supports RE2 except for some flags. */
export function fitsExpression(text: string, expression: string): Truth {
  try {
    return new RegExp(`^(?:${expression})$`).test(text);
  } catch {
    return unclear(`the expression ${expression} is not understood here`);
  }
}

function pathMatches(match: unknown, { path }: SeenHttp): Truth {
  if (typeof path !== "string") return path;
  const [type, value] = [textAt(match, "path", "type") ?? "PathPrefix", textAt(match, "path", "value") ?? "/"];
  if (type === "Exact") return path === value;
  if (type === "RegularExpression") return fitsExpression(path, value);
  return type === "PathPrefix" ? hasPathPrefix(path, value) : unclear(`the path type ${type} is not understood here`);
}

/** A prefix of whole segments. */
function hasPathPrefix(path: string, prefix: string): boolean {
  const bare = prefix.replace(/\/$/, "");
  return bare === "" || path === bare || path.startsWith(`${bare}/`);
}

/** A GRPCRoute matches paths "/service/method". */
function grpcRank(match: unknown): number[] {
  const [service, method] = [textAt(match, "method", "service"), textAt(match, "method", "method")];
  return [service && method ? 2 : 1, `/${service ?? ""}/${method ?? ""}`.length, 0, listAt(match, "headers").length, 0];
}

function grpcMatches(match: unknown, http: SeenHttp): Truth {
  const { path } = http;
  const [service, method] = [textAt(match, "method", "service"), textAt(match, "method", "method")];
  const headers = listAt(match, "headers").map((each) =>
    valueMatches(each, headerOf(http, textAt(each, "name") ?? "")),
  );
  if (service === undefined && method === undefined) return allOf(headers);
  if (typeof path !== "string") return path;
  const [ofService = "", ofMethod] = path.slice(1).split("/");
  if (textAt(match, "method", "type") === "RegularExpression")
    return allOf([
      ...headers,
      service === undefined || fitsExpression(ofService, service),
      method === undefined || fitsExpression(ofMethod ?? "", method),
    ]);
  return allOf([
    ...headers,
    service === undefined || ofService === service,
    method === undefined || ofMethod === method,
    path.split("/").length === 3,
  ]);
}

/** Filters without effect on the result of a request. */
const harmless = ["ResponseHeaderModifier", "RequestMirror", "CORS"];

function actionOf(
  mesh: Mesh,
  rule: unknown,
  match: unknown,
  object: KubeObject,
  http: SeenHttp,
  grants: boolean,
): RouteAction {
  const filters = listAt(rule, "filters");
  const redirect = filters.find((filter) => at(filter, "type") === "RequestRedirect");
  if (redirect) return { kind: "redirect", to: redirectText(at(redirect, "requestRedirect")) };
  const odd = filters.find(
    (filter) => ![...harmless, "RequestHeaderModifier", "URLRewrite"].includes(textAt(filter, "type") ?? ""),
  );
  if (odd) return { kind: "unclear", reason: `${titleOf(object)} has a filter of type ${textAt(odd, "type")}` };
  const refs = listAt(rule, "backendRefs").filter((ref) => (numberAt(ref, "weight") ?? 1) > 0);
  if (refs.length === 0) return { kind: "answer", because: `${titleOf(object)} has no backend and answers 500` };
  const foreign = refs.find((ref) => !refersTo({ kind: "Service", ...Object(ref) }, "", "Service"));
  if (foreign)
    return { kind: "unclear", reason: `${titleOf(object)} leads to an object of kind ${textAt(foreign, "kind")}` };
  const broken = refs.flatMap((ref) => problemOf(mesh, ref, object, grants) ?? []);
  const backends = refs
    .filter((ref) => problemOf(mesh, ref, object, grants) === undefined)
    .map((ref): Backend => {
      const { namespace, name, port } = backendOf(ref, object);
      return { service: { namespace, name }, ...(port === undefined ? {} : { port }) };
    });
  const more = refs.flatMap((ref) => listAt(ref, "filters"));
  if (more.length > 0) return { kind: "unclear", reason: `${titleOf(object)} has filters on a backend` };
  const [first] = broken;
  return {
    kind: "send",
    backends,
    ...(first === undefined ? {} : { broken: first }),
    request: filters.reduce<SeenHttp>((request, filter) => changed(request, filter, match), http),
  };
}

function redirectText(redirect: unknown): string {
  const parts = [
    textAt(redirect, "scheme"),
    textAt(redirect, "hostname"),
    numberAt(redirect, "port")?.toString(),
    textAt(redirect, "path", "replaceFullPath") ?? textAt(redirect, "path", "replacePrefixMatch"),
  ];
  return parts.filter((part) => part !== undefined).join(" ") || "the same address";
}

/** The reason why a route cannot send to a backend; undefined when it can. */
function problemOf(mesh: Mesh, ref: unknown, route: KubeObject, grants: boolean): string | undefined {
  const { namespace } = nameOf(route);
  const service = backendOf(ref, route);
  if (grants && service.namespace !== namespace && !isGranted(mesh, service, route))
    return `${titleOf(route)} may not lead to Service ${textOf(service)}: no ReferenceGrant in namespace ${service.namespace}`;
  return objectOf(mesh, "Service", service)
    ? undefined
    : `${titleOf(route)} leads to Service ${textOf(service)}, which does not exist`;
}

const isGranted = (mesh: Mesh, service: NamespacedName, route: KubeObject): boolean =>
  objectsOf(mesh, "ReferenceGrant").some(
    (grant) =>
      grant.metadata?.namespace === service.namespace &&
      listAt(grant, "spec", "from").some(
        (from) =>
          refersTo(from, gatewayGroup, route.kind ?? "") && textAt(from, "namespace") === route.metadata?.namespace,
      ) &&
      listAt(grant, "spec", "to").some(
        (to) => refersTo(to, "", "Service") && [undefined, "", service.name].includes(textAt(to, "name")),
      ),
  );

/** A request after a filter of a route has changed it. */
function changed(request: SeenHttp, filter: unknown, match: unknown): SeenHttp {
  const rewrite = at(filter, "urlRewrite");
  if (rewrite !== undefined)
    return {
      ...request,
      host: textAt(rewrite, "hostname") ?? request.host,
      path: rewritten(request.path, rewrite, textAt(match, "path", "value") ?? "/"),
    };
  const headers = { ...request.headers };
  let { host } = request;
  const modifier = at(filter, "requestHeaderModifier");
  for (const name of listAt(modifier, "remove")) delete headers[String(name).toLowerCase()];
  for (const entry of listAt(modifier, "set")) {
    const [name, value] = [textAt(entry, "name")?.toLowerCase() ?? "", textAt(entry, "value") ?? ""];
    if (name === "host") host = value;
    else headers[name] = value;
  }
  for (const entry of listAt(modifier, "add")) {
    const [name, value] = [textAt(entry, "name")?.toLowerCase() ?? "", textAt(entry, "value") ?? ""];
    // Envoy joins several headers of one name before it compares them.
    headers[name] = headers[name] === undefined ? value : `${headers[name]},${value}`;
  }
  return { ...request, host, headers };
}

function rewritten(path: SeenHttp["path"], rewrite: unknown, prefix: string): SeenHttp["path"] {
  const full = textAt(rewrite, "path", "replaceFullPath");
  if (full !== undefined) return full;
  const by = textAt(rewrite, "path", "replacePrefixMatch");
  if (by === undefined || typeof path !== "string") return path;
  const rest = path.slice(prefix.replace(/\/$/, "").length);
  return `${by.replace(/\/$/, "")}${rest}` || "/";
}
