import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { routesAtGateway } from "../../../../access/computed/routes/gateway-routes";
import { routesOf } from "../../../../access/computed/routes/http-route";
import { virtualRoutes, virtualServicesFor } from "../../../../access/computed/routes/virtual-service";
import type { SeenHttp } from "../../../../access/computed/rules/seen";
import type { KubeObject } from "../../../../verify/lab-client";
import { meshOf } from "./living";

const objects = (text: string): KubeObject[] =>
  parseAllDocuments(text).map((document) => {
    const object = document.toJS() as KubeObject;
    return { ...object, metadata: { namespace: "default", ...object.metadata } };
  });

const service = (name: string, namespace = "default"): KubeObject => ({
  ...{ apiVersion: "v1", kind: "Service", metadata: { name, namespace } },
});
const services = [service("a"), service("b"), service("far", "other")];

const http = (fields: Partial<SeenHttp> = {}): SeenHttp => ({
  ...{ method: "GET", path: "/", host: "a", headers: {} },
  ...fields,
});

const route = (rules: string, kind = "HTTPRoute", name = "r"): KubeObject => ({
  ...{ apiVersion: "gateway.networking.k8s.io/v1", kind, metadata: { name, namespace: "default" } },
  spec: { rules: parse(rules) },
});

const toA = "backendRefs: [{ name: a, port: 80 }]";

describe("routesOf(): matches", () => {
  const matched = (match: string, fields: Partial<SeenHttp>, kind = "HTTPRoute") =>
    routesOf(meshOf(services), [route(`[{ matches: [${match}], ${toA} }]`, kind)], http(fields), { grants: false })[0]
      ?.matches;
  const all = (match: string, requests: Partial<SeenHttp>[], kind?: string) =>
    requests.map((fields) => matched(match, fields, kind));
  const paths = (...list: string[]) => list.map((path) => ({ path }));

  // gateway-api: apis/v1/httproute_types.go, PathMatchType: a prefix is of whole segments, a slash at its end is ignored.
  it("by an exact path, by a prefix of segments, and by an expression as a whole", () => {
    expect(all("{ path: { type: Exact, value: /a } }", paths("/a", "/a/", "/ab"))).toEqual([true, false, false]);
    const prefix = paths("/a", "/a/", "/a/b", "/ab", "/");
    expect(all("{ path: { type: PathPrefix, value: /a } }", prefix)).toEqual([true, true, true, false, false]);
    expect(all("{ path: { value: /a/ } }", prefix)).toEqual([true, true, true, false, false]);
    expect(all("{ path: { value: / } }", prefix)).toEqual([true, true, true, true, true]);
    expect(all("{ path: { type: RegularExpression, value: '/a+' } }", paths("/aa", "/aab", "x/a"))).toEqual([
      ...[true, false, false],
    ]);
    const unclear = { unclear: "x" };
    expect(matched("{ path: { value: / } }", { path: unclear })).toBe(unclear);
    expect(matched("{ path: { type: Glob, value: / } }", {})).toEqual({
      unclear: "the path type Glob is not understood here",
    });
    expect(matched("{ path: { type: RegularExpression, value: '(' } }", {})).toEqual({
      unclear: "the expression ( is not understood here",
    });
  });

  it("by a method, and by all of the headers", () => {
    expect(all("{ method: GET }", [{ method: "GET" }, { method: "POST" }])).toEqual([true, false]);
    const headers = "{ headers: [{ name: X-A, value: one }, { name: x-b, type: RegularExpression, value: 't.*' }] }";
    expect(
      all(headers, [
        { headers: { "x-a": "one", "x-b": "two" } },
        { headers: { "x-a": "one", "x-b": "one" } },
        { headers: { "x-a": "ones", "x-b": "two" } },
        { headers: { "x-b": "two" } },
      ]),
    ).toEqual([true, false, false, false]);
    expect(
      all("{ headers: [{ name: Host, value: b }] }", [{ host: "b" }, { host: "a", headers: { host: "b" } }]),
    ).toEqual([...[true, false]]);
    expect(all("{ headers: [{ name: ':authority', value: b }] }", [{ host: "b" }, { host: "a" }])).toEqual([
      true,
      false,
    ]);
    expect(all("{ headers: [{ name: ':method', value: GET }] }", [{}, { method: "PUT" }])).toEqual([true, false]);
  });

  it("by a query never: requests have none", () => {
    expect(matched("{ queryParams: [{ name: q, value: x }] }", {})).toBe(false);
  });

  // gateway-api: apis/v1/grpcroute_types.go, GRPCMethodMatch; istio 1.31: conversion.go (createGRPCURIMatch).
  it("by the service and the method of gRPC", () => {
    const calls = paths("/p.Echo/Say", "/p.Echo/Hear", "/p.Other/Say", "/p.Echo", "/p.Echo/Say/more");
    const of = (match: string, requests: Partial<SeenHttp>[]) => all(match, requests, "GRPCRoute");
    expect(of("{ method: { service: p.Echo, method: Say } }", calls)).toEqual([true, false, false, false, false]);
    expect(of("{ method: { service: p.Echo } }", calls)).toEqual([true, true, false, false, false]);
    expect(of("{ method: { method: Say } }", calls)).toEqual([true, false, true, false, false]);
    const expression = (fields: string) => `{ method: { type: RegularExpression, ${fields} } }`;
    expect(of(expression("service: 'p.E.*', method: 'S.*'"), calls.slice(0, 4))).toEqual([true, false, false, false]);
    expect(of(expression("service: 'p.E.*'"), calls.slice(0, 3))).toEqual([true, true, false]);
    expect(of(expression("method: 'S.*'"), calls.slice(0, 3))).toEqual([true, false, true]);
    expect(of("{}", calls.slice(0, 2))).toEqual([true, true]);
    const header = "headers: [{ name: x-a, value: one }]";
    const withHeader = [{ path: "/s/m", headers: { "x-a": "one" } }, { path: "/s/m" }];
    expect(of(`{ ${header} }`, withHeader)).toEqual([true, false]);
    expect(of(`{ method: { service: s }, ${header} }`, withHeader)).toEqual([true, false]);
    expect(of(`{ method: { type: RegularExpression, service: s }, ${header} }`, withHeader)).toEqual([true, false]);
    const unclear = { unclear: "x" };
    expect(of("{ method: { service: s } }", [{ path: unclear }])).toEqual([unclear]);
    expect(of(`{ ${header} }`, [{ path: unclear }])).toEqual([false]);
  });
});

describe("routesOf(): order", () => {
  // gateway-api: apis/v1/httproute_types.go, HTTPRouteRule.matches: the precedence of matches.
  it("has the more specific match first, and else keeps the order of objects by age, rules and matches", () => {
    const order = (...routes: KubeObject[]) =>
      routesOf(meshOf(services), routes, http(), { grants: false }).map(({ of, action }) =>
        action.kind === "redirect" ? action.to : of,
      );
    const to = (name: string, match: string) =>
      `{ matches: [${match}], filters: [{ type: RequestRedirect, requestRedirect: { hostname: ${name} } }] }`;
    const rules = [
      to("expression", "{ path: { type: RegularExpression, value: '/long-expression.*' } }"),
      to("prefix", "{ path: { value: /a } }"),
      to("longer", "{ path: { value: /ab } }"),
      to("method", "{ path: { value: /a }, method: GET }"),
      to("header", "{ path: { value: /a }, headers: [{ name: x, value: y }] }"),
      to("headers", "{ path: { value: /a }, headers: [{ name: x, value: y }, { name: z, value: y }] }"),
      to("query", "{ path: { value: /a }, queryParams: [{ name: x, value: y }] }"),
      to("exact", "{ path: { type: Exact, value: / } }"),
      to("any", "{}"),
    ];
    expect(order(route(`[${rules.join(", ")}]`))).toEqual([
      ...["exact", "longer", "method", "headers", "header", "query", "prefix", "any", "expression"],
    ]);
    const dated = (name: string, creationTimestamp: string) => {
      const object = route(`[{ ${toA} }]`, "HTTPRoute", name);
      return { ...object, metadata: { ...object.metadata, creationTimestamp } };
    };
    expect(order(dated("c", "2026-02-01"), dated("b", "2026-02-01"), dated("d", "2026-01-01"))).toEqual([
      ...["HTTPRoute default/d", "HTTPRoute default/b", "HTTPRoute default/c"],
    ]);
    const grpc = [
      to("service", "{ method: { service: a-long-name } }"),
      to("shorter", "{ method: { service: a } }"),
      to("both", "{ method: { service: a, method: b } }"),
      to("both-and-header", "{ method: { service: a, method: b }, headers: [{ name: x, value: y }] }"),
      to("none", "{}"),
    ];
    expect(order(route(`[${grpc.join(", ")}]`, "GRPCRoute"))).toEqual([
      ...["both-and-header", "both", "service", "shorter", "none"],
    ]);
  });
});

describe("routesOf(): actions", () => {
  const actionOf = (rule: string, { grants = false, request = http(), more = [] as readonly KubeObject[] } = {}) =>
    routesOf(meshOf([...services, ...more]), [route(`[{ ${rule} }]`)], request, { grants })[0]?.action;
  const sent = (rule: string, request = http()) => {
    const action = actionOf(`${rule}, ${toA}`, { request });
    return action?.kind === "send" ? action.request : action;
  };
  const a = { service: { namespace: "default", name: "a" } };

  it("sends to the backends that have a weight, each at its port", () => {
    expect(
      actionOf(
        "backendRefs: [{ name: a, port: 80, weight: 1 }, { name: b, weight: 0 }, { name: far, namespace: other }]",
      ),
    ).toEqual({
      ...{ kind: "send", request: http() },
      backends: [{ ...a, port: 80 }, { service: { namespace: "other", name: "far" } }],
    });
  });

  it("answers by itself without a backend, and for one that does not exist", () => {
    const because = "HTTPRoute default/r has no backend and answers 500";
    expect(actionOf("backendRefs: []")).toEqual({ kind: "answer", because });
    expect(actionOf("backendRefs: [{ name: a, weight: 0 }]")).toEqual({ kind: "answer", because });
    expect(actionOf("backendRefs: [{ name: a }, { name: none }, { name: nil }]")).toEqual({
      ...{ kind: "send", backends: [a], request: http() },
      broken: "HTTPRoute default/r leads to Service default/none, which does not exist",
    });
  });

  it("does not understand other kinds of backends and filters", () => {
    expect(actionOf("backendRefs: [{ name: a, kind: Pool, group: x }]")).toEqual({
      ...{ kind: "unclear", reason: "HTTPRoute default/r leads to an object of kind Pool" },
    });
    expect(actionOf("backendRefs: [{ name: a, filters: [{ type: CORS }] }]")).toEqual({
      ...{ kind: "unclear", reason: "HTTPRoute default/r has filters on a backend" },
    });
    expect(actionOf(`filters: [{ type: ExtensionRef }], ${toA}`)).toEqual({
      ...{ kind: "unclear", reason: "HTTPRoute default/r has a filter of type ExtensionRef" },
    });
    for (const type of ["ResponseHeaderModifier", "RequestMirror", "CORS"])
      expect(sent(`filters: [{ type: ${type} }]`)).toEqual(http());
  });

  it("says where a redirect leads", () => {
    const to = (redirect: string) => actionOf(`filters: [{ type: RequestRedirect, requestRedirect: ${redirect} }]`);
    expect(
      to("{ scheme: https, hostname: x, port: 8443, path: { type: ReplaceFullPath, replaceFullPath: /y } }"),
    ).toEqual({
      ...{ kind: "redirect", to: "https x 8443 /y" },
    });
    expect(to("{ path: { type: ReplacePrefixMatch, replacePrefixMatch: /z } }")).toEqual({
      kind: "redirect",
      to: "/z",
    });
    expect(to("{}")).toEqual({ kind: "redirect", to: "the same address" });
  });

  // gateway-api: apis/v1beta1/referencegrant_types.go; a grant is in the namespace of the Service that it is about.
  it("needs a grant for a Service of another namespace at a gateway, and none at a waypoint", () => {
    const far = "backendRefs: [{ name: far, namespace: other }]";
    const backend = { service: { namespace: "other", name: "far" } };
    const refused = {
      ...{ kind: "send", backends: [], request: http() },
      broken: "HTTPRoute default/r may not lead to Service other/far: no ReferenceGrant in namespace other",
    };
    const granted = { kind: "send", backends: [backend], request: http() };
    const grant = (spec: string, namespace = "other") => ({
      ...{
        apiVersion: "gateway.networking.k8s.io/v1beta1",
        kind: "ReferenceGrant",
        metadata: { name: "g", namespace },
      },
      spec: parse(spec),
    });
    const from = "from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: default }]";
    const with_ = (...more: KubeObject[]) => actionOf(far, { grants: true, more });
    expect(actionOf(far)).toEqual(granted);
    expect(with_()).toEqual(refused);
    for (const to of [
      "{ group: '', kind: Service }",
      "{ group: '', kind: Service, name: far }",
      "{ kind: Service, name: '' }",
    ])
      expect(with_(grant(`{ ${from}, to: [${to}] }`))).toEqual(granted);
    for (const spec of [
      `{ ${from}, to: [{ group: "", kind: Service, name: near }] }`,
      `{ ${from}, to: [{ group: "", kind: Secret }] }`,
      "{ from: [{ group: gateway.networking.k8s.io, kind: GRPCRoute, namespace: default }], to: [{ group: '', kind: Service }] }",
      "{ from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: away }], to: [{ group: '', kind: Service }] }",
      "{ from: [{ group: x, kind: HTTPRoute, namespace: default }], to: [{ group: '', kind: Service }] }",
    ])
      expect(with_(grant(spec))).toEqual(refused);
    expect(with_(grant(`{ ${from}, to: [{ group: "", kind: Service }] }`, "default"))).toEqual(refused);
    // A Service of the route's own namespace needs none.
    expect(actionOf("backendRefs: [{ name: a, namespace: default }]", { grants: true })).toMatchObject({
      backends: [a],
    });
  });

  it("sends a request whose host and path are rewritten", () => {
    const rewrite = (spec: string, prefix = "/old", path: SeenHttp["path"] = "/old/x") =>
      sent(
        `matches: [{ path: { value: ${prefix} } }], filters: [{ type: URLRewrite, urlRewrite: ${spec} }]`,
        http({ path }),
      );
    const by = (text: string) => `{ path: { type: ReplacePrefixMatch, replacePrefixMatch: ${text} } }`;
    expect(rewrite("{ hostname: x }")).toEqual(http({ host: "x", path: "/old/x" }));
    expect(rewrite("{ path: { type: ReplaceFullPath, replaceFullPath: /whole } }")).toEqual(http({ path: "/whole" }));
    expect(rewrite(by("/new"))).toEqual(http({ path: "/new/x" }));
    expect(rewrite(by("/new/"), "/old/")).toEqual(http({ path: "/new/x" }));
    expect(rewrite(by("/"))).toEqual(http({ path: "/x" }));
    expect(rewrite(by("/"), "/old", "/old")).toEqual(http({ path: "/" }));
    expect(rewrite(by("''"))).toEqual(http({ path: "/x" }));
    const unclear = { unclear: "x" };
    expect(rewrite(by("/new"), "/old", unclear)).toEqual(http({ path: unclear }));
  });

  it("sends a request whose headers are changed: removed, set, and added to those that it has", () => {
    const modified = (modifier: string, headers: Record<string, string>) =>
      sent(`filters: [{ type: RequestHeaderModifier, requestHeaderModifier: ${modifier} }]`, http({ headers }));
    const own = { "x-a": "1", "x-b": "2" };
    expect(modified("{ remove: [X-A] }", own)).toEqual(http({ headers: { "x-b": "2" } }));
    expect(modified("{ set: [{ name: X-A, value: new }, { name: X-C, value: '3' }] }", own)).toEqual(
      http({ headers: { "x-a": "new", "x-b": "2", "x-c": "3" } }),
    );
    expect(modified("{ add: [{ name: X-A, value: more }, { name: X-C, value: '3' }] }", own)).toEqual(
      http({ headers: { "x-a": "1,more", "x-b": "2", "x-c": "3" } }),
    );
    expect(modified("{ set: [{ name: Host, value: other }] }", own)).toEqual(http({ host: "other", headers: own }));
  });
});

describe("virtualRoutes()", () => {
  const waypoint = { namespace: "default", name: "waypoint" };
  const routes = (text: string, fields: Partial<SeenHttp> = {}, port = 80) =>
    virtualRoutes(
      meshOf(services),
      {
        ...{
          apiVersion: "networking.istio.io/v1",
          kind: "VirtualService",
          metadata: { name: "v", namespace: "default" },
        },
        spec: { http: parse(text) },
      },
      http(fields),
      { port, waypoint },
    );
  const to = "route: [{ destination: { host: a } }]";
  const matches = (match: string, ...requests: Partial<SeenHttp>[]) =>
    requests.map((fields) => routes(`[{ match: [${match}], ${to} }]`, fields)[0]?.matches);

  it("matches strings exactly, by prefix and by regular expression, and the path case-insensitively if configured", () => {
    const requests = ["/a", "/A", "/ab"].map((path) => ({ path }));
    expect(matches("{ uri: { exact: /a } }", ...requests)).toEqual([true, false, false]);
    expect(matches("{ uri: { exact: /a }, ignoreUriCase: true }", ...requests)).toEqual([true, true, false]);
    expect(matches("{ uri: { prefix: /a } }", ...requests)).toEqual([true, false, true]);
    expect(matches("{ uri: { prefix: /A }, ignoreUriCase: true }", ...requests)).toEqual([true, true, true]);
    expect(matches("{ uri: { regex: '/a.?' } }", ...requests)).toEqual([true, false, true]);
    const unclear = { unclear: "x" };
    expect(matches("{ uri: { exact: /a } }", { path: unclear })).toEqual([unclear]);
    expect(matches("{ method: { exact: GET } }", { path: unclear }, { method: "PUT" })).toEqual([true, false]);
    expect(matches("{ authority: { exact: a } }", {}, { host: "b" })).toEqual([true, false]);
    expect(matches("{ scheme: { exact: http } }", {})).toEqual([true]);
    expect(matches("{ scheme: { exact: https } }", {})).toEqual([false]);
    expect(matches("{ queryParams: { q: { exact: x } } }", {})).toEqual([false]);
  });

  it("matches headers that are there, that fit, and that are not there", () => {
    const requests = [{ headers: { "x-a": "one" } }, { headers: { "x-a": "two" } }, {}];
    expect(matches("{ headers: { X-A: {} } }", ...requests)).toEqual([true, true, false]);
    expect(matches("{ headers: { x-a: { regex: '*' } } }", ...requests)).toEqual([true, true, false]);
    expect(matches("{ headers: { x-a: { exact: one } } }", ...requests)).toEqual([true, false, false]);
    expect(matches("{ withoutHeaders: { x-a: {} } }", ...requests)).toEqual([false, false, true]);
    expect(matches("{ withoutHeaders: { x-a: { exact: one } } }", ...requests)).toEqual([false, true, true]);
    const claims = { unclear: "a match by claims of a token is not understood here" };
    expect(matches("{ headers: { '@request.auth.claims.sub': { exact: x } } }", {})).toEqual([claims]);
    expect(matches("{ withoutHeaders: { '@request.auth.claims.sub': { exact: x } } }", {})).toEqual([claims]);
    expect(matches("{ novelty: 1 }", {})).toEqual([{ unclear: "the match by novelty is not understood here" }]);
  });

  it("leaves out what does not apply at a waypoint, and what comes after a route for all", () => {
    const count = (match: string, port = 80) => routes(`[{ match: [${match}], ${to} }]`, {}, port).length;
    expect(count("{ sourceLabels: { app: a } }")).toBe(0);
    expect([count("{ port: 80 }"), count("{ port: 81 }"), count("{ port: 0 }")]).toEqual([1, 0, 1]);
    expect([count("{ gateways: [mesh] }"), count("{ gateways: [other] }")]).toEqual([1, 0]);
    expect([count("{ sourceNamespace: default }"), count("{ sourceNamespace: other }")]).toEqual([1, 0]);
    expect(routes(`[{ match: [{}, {}], ${to} }, { ${to} }, { ${to} }]`).map(({ matches }) => matches)).toEqual([
      ...[true, true, true],
    ]);
    expect(routes(`[{ ${to} }]`)).toEqual([
      {
        ...{ of: "VirtualService default/v", matches: true },
        action: { kind: "send", backends: [{ service: { namespace: "default", name: "a" } }], request: http() },
      },
    ]);
  });

  it("injects faults that have a share", () => {
    const fault = (text: string) => routes(`[{ fault: ${text}, ${to} }]`)[0]?.fault;
    const delay = "delay: { fixedDelay: 2s, percentage: { value: 50 } }";
    const abort = "abort: { httpStatus: 503, percent: 10 }";
    expect(fault(`{ ${delay} }`)).toEqual({ delay: { ms: 2000, percent: 50 } });
    expect(fault(`{ ${delay}, ${abort} }`)).toEqual({
      ...{ delay: { ms: 2000, percent: 50 }, abort: { status: 503, percent: 10 } },
    });
    expect(fault("{ delay: { fixedDelay: 2s }, abort: { httpStatus: 503 } }")).toEqual({});
    expect(routes(`[{ ${to} }]`)[0]).not.toHaveProperty("fault");
  });

  it("redirects, answers by itself, or sends to Services", () => {
    const action = (entry: string) => routes(`[{ ${entry} }]`)[0]?.action;
    expect(action("redirect: { scheme: https, authority: x, port: 8443, uri: /y }")).toEqual({
      ...{ kind: "redirect", to: "https x 8443 /y" },
    });
    expect(action("redirect: {}")).toEqual({ kind: "redirect", to: "the same address" });
    expect(action("directResponse: { status: 418 }")).toEqual({
      ...{ kind: "answer", because: "VirtualService default/v answers 418 by itself" },
    });
    expect(action("delegate: { name: x }")).toEqual({
      ...{ kind: "unclear", reason: "VirtualService default/v delegates to another" },
    });
    const send = (list: string) => action(`route: [${list}]`);
    const name = (name: string, namespace = "default") => ({ service: { namespace, name } });
    expect(
      send(
        "{ destination: { host: a, port: { number: 81 }, subset: v1 }, weight: 1 }, { destination: { host: b }, weight: 0 }, { destination: { host: b } }, { destination: { host: far.other.svc.cluster.local }, weight: 9 }",
      ),
    ).toEqual({
      ...{ kind: "send", request: http(), backends: [{ ...name("a"), port: 81, subset: "v1" }, name("far", "other")] },
    });
    expect(send("{ destination: { host: a } }")).toMatchObject({ backends: [name("a")] });
    expect(send("{ destination: { host: a }, weight: 1 }, { destination: { host: none }, weight: 1 }")).toEqual({
      ...{ kind: "send", request: http(), backends: [name("a")] },
      broken: "VirtualService default/v leads to Service default/none, which does not exist",
    });
    for (const host of ["example.com", "a.default.svc", "''"])
      expect(send(`{ destination: { host: ${host} } }`)).toEqual({
        ...{ kind: "unclear", reason: "VirtualService default/v leads to a host that is not a Service" },
      });
  });
});

describe("virtualServicesFor()", () => {
  const waypoint = { namespace: "default", name: "waypoint" };
  const found = (spec: string, { namespace = "default", at = waypoint } = {}) => {
    const object = {
      ...{ apiVersion: "networking.istio.io/v1", kind: "VirtualService", metadata: { name: "v", namespace } },
      spec: parse(spec),
    };
    return virtualServicesFor(meshOf([object]), { namespace: "default", name: "a" }, at).length === 1;
  };

  it("are those for the Service and the mesh", () => {
    for (const host of ["a", "a.default.svc.cluster.local", "'*'", "'*.svc.cluster.local'"])
      expect(found(`{ hosts: [${host}] }`)).toBe(true);
    for (const host of ["b", "a.other.svc.cluster.local", "'*.example.com'"])
      expect(found(`{ hosts: [${host}] }`)).toBe(false);
    expect(found("{ hosts: [a], gateways: [mesh, x] }")).toBe(true);
    expect(found("{ hosts: [a], gateways: [x] }")).toBe(false);
  });

  it("are of the namespace of the Service or of the waypoint, and exported to the waypoint", () => {
    const whole = "hosts: [a.default.svc.cluster.local]";
    const far = { namespace: "far", name: "waypoint" };
    expect(found(`{ ${whole} }`, { namespace: "other" })).toBe(false);
    expect(found(`{ ${whole} }`, { namespace: "far", at: far })).toBe(true);
    expect(found("{ hosts: [a] }", { namespace: "far", at: far })).toBe(false);
    const exported = (to: string, at = waypoint) => found(`{ ${whole}, exportTo: [${to}] }`, { at });
    expect(["'*'", "default", "."].map((to) => exported(to))).toEqual([true, true, true]);
    expect([exported("other"), exported(".", far), exported("far", far)]).toEqual([false, false, true]);
  });
});

describe("routesAtGateway()", () => {
  const [gateway] = objects("{ kind: Gateway, metadata: { name: g }, spec: {} }");
  const listener = { name: "http", port: 80, protocol: "HTTP" };
  const at = (host: string, routes: KubeObject[], listeners: unknown[] = [listener]) => {
    if (!gateway) throw new Error("no gateway");
    const found = routesAtGateway(meshOf([...services, gateway, ...routes]), gateway, listeners, http({ host }));
    return "unclear" in found ? found.unclear : found.map(({ of }) => of.replace("HTTPRoute default/", ""));
  };
  const named = (name: string, spec: string, kind = "HTTPRoute") =>
    objects(`{ kind: ${kind}, metadata: { name: ${name} }, spec: { rules: [{ ${toA} }], ${spec} } }`);
  const parent = "parentRefs: [{ name: g }]";

  it("are those of the most specific name that takes the host", () => {
    const routes = [
      ...named("any", parent),
      ...named("wild", `${parent}, hostnames: ['*.lab']`),
      ...named("wilder", `${parent}, hostnames: ['*.deep.lab']`),
      ...named("full", `${parent}, hostnames: [App.lab, other.lab]`),
    ];
    expect(
      ["x.example", "x.lab", "x.deep.lab", "app.lab", "APP.lab:8080", "lab"].map((host) => at(host, routes)),
    ).toEqual([...[["any"], ["wild"], ["wilder"], ["full"], ["full"], ["any"]]]);
    expect(at("x.example", named("full", `${parent}, hostnames: [app.lab]`))).toEqual([]);
  });

  it("are attached by name, section, port, kind and namespace", () => {
    const attached = (spec: string, more = {}, kind?: string) =>
      at("x", named("r", spec, kind), [{ ...listener, ...more }]).length === 1;
    expect(attached(parent)).toBe(true);
    for (const ref of [
      "{ name: other }",
      "{ name: g, namespace: other }",
      "{ name: g, kind: Service, group: '' }",
      "{ name: g, sectionName: https }",
      "{ name: g, port: 81 }",
    ])
      expect(attached(`parentRefs: [${ref}]`)).toBe(false);
    for (const ref of ["{ name: g, sectionName: http }", "{ name: g, port: 80 }", "{ name: x }, { name: g }"])
      expect(attached(`parentRefs: [${ref}]`)).toBe(true);
    const kinds = (kind: string) => ({ allowedRoutes: { kinds: [{ kind }] } });
    expect([attached(parent, kinds("HTTPRoute")), attached(parent, kinds("GRPCRoute"))]).toEqual([true, false]);
    const from = (from: string) => {
      const [own] = named("r", "parentRefs: [{ name: g, namespace: default }]");
      const away = { ...own, metadata: { name: "r", namespace: "other" } };
      return at("x", [away], [{ ...listener, allowedRoutes: { namespaces: { from } } }]).length;
    };
    expect([from("All"), from("Same")]).toEqual([1, 0]);
  });

  it("are narrowed by the name of the listener, and unclear where a narrower listener takes the host", () => {
    const own = { ...listener, hostname: "*.lab" };
    const any = named("any", parent);
    expect([at("x.lab", any, [own]), at("x.example", any, [own])]).toEqual([["any"], []]);
    expect(at("x.lab", named("wide", `${parent}, hostnames: ['*']`), [own])).toEqual(["wide"]);
    expect(at("x.lab", named("full", `${parent}, hostnames: [x.lab]`), [own])).toEqual(["full"]);
    expect(at("x.y", named("full", `${parent}, hostnames: [x.y]`), [own])).toEqual([]);
    const narrow = { name: "narrow", port: 80, protocol: "HTTP", hostname: "x.lab" };
    const section = named("any", "parentRefs: [{ name: g, sectionName: http }]");
    expect(at("x.lab", section, [own, narrow])).toBe(
      "a listener with a more specific name than that of the route takes the host x.lab",
    );
    expect(at("y.lab", section, [own, narrow])).toEqual(["any"]);
  });
});
