import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { envoyRuleMatches, rangeOf } from "../../../../access/computed/rules/envoy-rules";
import type { Seen, SeenHttp } from "../../../../access/computed/rules/seen";
import { httpParts, ztunnelRuleMatches } from "../../../../access/computed/rules/ztunnel-rules";
import type { KubeObject } from "../../../../verify/lab-client";
import { meshOf } from "./living";

const policy = (action = "ALLOW"): KubeObject => ({
  ...{ apiVersion: "security.istio.io/v1", kind: "AuthorizationPolicy", metadata: { name: "p", namespace: "default" } },
  spec: { action },
});
const identity = { trustDomain: "cluster.local", namespace: "default", serviceAccount: "appa" };
const seen = (fields: Partial<Seen> = {}): Seen => ({ port: 8000, identity, http: http(), ...fields });
function http(fields: Partial<SeenHttp> = {}): SeenHttp {
  return { method: "GET", path: "/api", host: "appb:8000", headers: {}, ...fields };
}
const { identity: _, ...plain } = seen();
const mesh = meshOf([]);

/** Whether a source, an operation or a condition matches at a waypoint. */
const envoy = (rule: string, what: Seen = seen(), action?: string) =>
  envoyRuleMatches(parse(rule), policy(action), what, mesh);
const operation = (fields: string) => `{ to: [{ operation: ${fields} }] }`;
const source = (fields: string) => `{ from: [{ source: ${fields} }] }`;
const when = (key: string, values: string) => `{ when: [{ key: "${key}", ${values} }] }`;
const unknownSource = { unclear: "the address that the request comes from is not known" };

// istio 1.31: pilot/pkg/security/authz/model/generator.go and matcher/
describe("envoyRuleMatches()", () => {
  const each = (rule: (value: string) => string, values: readonly string[], what?: Seen) =>
    values.map((value) => envoy(rule(`"${value}"`), what));

  it("compares operations: hosts in any case, methods, paths and ports", () => {
    const hosts = (value: string) => operation(`{ hosts: [${value}] }`);
    expect(each(hosts, ["APPB:8000", "appb:*", "*:8000", "*", "appb", "x"])).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(each(hosts, ["*", "x"], seen({ http: http({ host: "" }) }))).toEqual([true, false]);
    const methods = (value: string) => operation(`{ methods: [${value}] }`);
    expect(each(methods, ["GET", "G*", "*T", "*", "get", "PUT"])).toEqual([true, true, true, true, false, false]);
    const paths = (value: string) => operation(`{ paths: [${value}] }`);
    expect(each(paths, ["/api", "/a*", "*i", "*", "/ap", "/{*}", "/x{**}"])).toEqual([
      ...[true, true, true, true, false, true, false],
    ]);
    const unclear = { unclear: "x" };
    expect(each(paths, ["/api"], seen({ http: http({ path: unclear }) }))).toEqual([unclear]);
    const ports = (value: string) => operation(`{ ports: [${value}] }`);
    expect(each(ports, ["8000", "80", "80000", "http"])).toEqual([true, false, false, false]);
    expect(each(ports, ["65535"], seen({ port: 65_535 }))).toEqual([true]);
  });

  it("compares what a caller is", () => {
    const of = (field: string) => (value: string) => source(`{ ${field}: [${value}] }`);
    const own = "cluster.local/ns/default/sa/appa";
    expect(each(of("principals"), [own, "cluster.local/ns/default/*", "*/appa", "*", "x"])).toEqual([
      ...[true, true, true, true, false],
    ]);
    expect(each(of("namespaces"), ["default", "def*", "*", "*lt", "d*t", "other", "defaul"])).toEqual([
      ...[true, true, true, true, true, false, false],
    ]);
    expect(each(of("trustDomains"), ["cluster.local", "*", "cluster*", "*local", "c*l", "*x", "cluster"])).toEqual([
      ...[true, true, true, true, true, false, false],
    ]);
    expect(each(of("serviceAccounts"), ["appa", "default/appa", "other/appa", "appb"])).toEqual([
      true,
      true,
      false,
      false,
    ]);
    for (const field of ["principals", "namespaces", "trustDomains", "serviceAccounts"])
      expect(envoy(source(`{ ${field}: ["*"] }`), plain)).toBe(false);
  });

  it("does not know the address of a caller, and reads one of the destination", () => {
    for (const rule of [source('{ ipBlocks: ["10.0.0.0/8"] }'), source('{ remoteIpBlocks: ["10.0.0.1"] }')])
      expect(envoy(rule)).toEqual(unknownSource);
    for (const key of ["source.ip", "remote.ip"]) expect(envoy(when(key, 'values: ["::1"]'))).toEqual(unknownSource);
    expect(envoy(source('{ ipBlocks: ["x"] }'))).toBe(false);
    const to = (range: string, ...addresses: string[]) =>
      envoy(when("destination.ip", `values: ["${range}"]`), seen(addresses.length > 0 ? { addresses } : {}));
    expect([to("10.0.0.0/8", "10.1.1.1"), to("10.0.0.0/8", "11.1.1.1"), to("x", "10.1.1.1")]).toEqual([
      true,
      false,
      false,
    ]);
    expect([to("fd00::/8", "fd00::1"), to("fd00::/8", "10.1.1.1")]).toEqual([true, false]);
    expect(to("10.0.0.0/8", "10.1.1.1", "11.1.1.1")).toEqual({
      unclear: "the destination has addresses inside and outside of the range",
    });
    expect([to("10.0.0.0/8", "10.1.1.1", "10.1.1.2"), to("10.0.0.0/8", "fd00::1", "11.1.1.1")]).toEqual([true, false]);
    const unclear = { unclear: "the address that the request is sent to is not known" };
    expect(to("10.0.0.0/8")).toEqual(unclear);
    expect(envoy(when("destination.ip", 'values: ["10.0.0.0/8"]'), seen({ addresses: [] }))).toEqual(unclear);
  });

  it("reads addresses and ranges alone", () => {
    const is = (value: string) => rangeOf(value) !== undefined;
    expect(["10.0.0.1", "10.0.0.0/0", "10.0.0.0/32", "::1", "::/0", "::/128"].map(is)).not.toContain(false);
    expect(
      ["", "x", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/1.5", "10.0.0.0/x", "::/129", "10.0.0"].map(is),
    ).not.toContain(true);
    expect(rangeOf("10.0.0.1")?.check("10.0.0.2")).toBe(false);
    expect(rangeOf("fd00::1")?.check("fd00::2", "ipv6")).toBe(false);
  });

  it("compares headers, and does not know those that others set", () => {
    const header = (name: string, value: string, fields: Partial<SeenHttp>) =>
      envoy(when(`request.headers[${name}]`, `values: ["${value}"]`), seen({ http: http(fields) }));
    const own = { headers: { "x-go": "yes" } };
    expect(["yes", "y*", "*", "no"].map((value) => header("X-Go", value, own))).toEqual([true, true, true, false]);
    expect([header("x-go", "*", {}), header("x-go", "*", { headers: { "x-go": "" } })]).toEqual([false, true]);
    expect(["appb:8000", "*", "x"].map((value) => header("Host", value, {}))).toEqual([true, true, false]);
    expect(["appb:8000", "*", "x"].map((value) => header(":authority", value, {}))).toEqual([true, true, false]);
    expect([header("host", "*", { host: "" }), header(":method", "*", { method: "" })]).toEqual([true, true]);
    expect(["GET", "*", "PUT"].map((value) => header(":method", value, {}))).toEqual([true, true, false]);
    expect(header(":path", "/api", {})).toEqual({ unclear: "the header :path has the query, which is not known" });
    const token = { token: { iss: "x" } };
    expect(["*", "Bearer *"].map((value) => header("authorization", value, token))).toEqual([true, true]);
    expect(header("authorization", "Bearer x", token)).toEqual({ unclear: "the text of the token is not known" });
    expect([header("authorization", "*", {}), header("x-other", "*", token)]).toEqual([false, false]);
    const bySelf = [
      "user-agent",
      "x-b3-traceid",
      "X-Forwarded-For",
      "x-envoy-peer-metadata",
      "x-request-id",
      "x-istio-attributes",
    ];
    for (const name of bySelf)
      expect(header(name, "*", {})).toEqual({
        unclear: `clients and proxies set the header ${name.toLowerCase()} by themselves`,
      });
    for (const name of ["my-user-agent", "user-agents", "xx-b3-a"]) expect(header(name, "*", {})).toBe(false);
  });

  it("compares verified tokens: principals, claims, audiences and presenters", () => {
    const claims = {
      iss: "https://issuer.example/x",
      sub: "me",
      aud: ["lab", "other"],
      azp: "client",
      deep: { er: "v" },
      n: 1,
    };
    const verified = seen({ http: http({ claims }) });
    const principal = (value: string, what = verified) => envoy(source(`{ requestPrincipals: ["${value}"] }`), what);
    const issuer = "https://issuer.example/x";
    expect(
      [`${issuer}/me`, "*", `${issuer}/*`, "*/me", "*me", "https*", `${issuer}/m*`].map((each) => principal(each)),
    ).toEqual([...[true, true, true, true, true, true, true]]);
    expect(
      [`${issuer}/you`, "x/me", "x/*", "*/you", "*you", "x*", "me", issuer].map((each) => principal(each)),
    ).toEqual([...[false, false, false, false, false, false, false, false]]);
    for (const partial of [{ iss: "x" }, { sub: "x" }])
      expect(principal("*", seen({ http: http({ claims: partial }) }))).toBe(false);
    for (const empty of [
      { iss: "", sub: "x" },
      { iss: "x", sub: "" },
    ])
      expect(principal("*", seen({ http: http({ claims: empty }) }))).toBe(false);
    expect(principal("x", seen({ http: http({ claims: { iss: "x", sub: "" } }) }))).toBe(true);
    expect(principal("*x", seen({ http: http({ claims: { iss: "", sub: "x" } }) }))).toBe(false);
    expect(principal("x*", seen({ http: http({ claims: { iss: "x", sub: "" } }) }))).toBe(false);
    expect(principal("*", seen())).toBe(false);
    const claim = (key: string, value: string, what = verified) => envoy(when(key, `values: ["${value}"]`), what);
    expect(claim("request.auth.principal", `${issuer}/me`)).toBe(true);
    expect(["lab", "other", "no"].map((each) => claim("request.auth.audiences", each))).toEqual([true, true, false]);
    expect(["client", "no"].map((each) => claim("request.auth.presenter", each))).toEqual([true, false]);
    expect(["v", "*", "w"].map((each) => claim("request.auth.claims[deep][er]", each))).toEqual([true, true, false]);
    expect([claim("request.auth.claims[n]", "1"), claim("request.auth.claims[none]", "*")]).toEqual([false, false]);
    expect(claim("request.auth.claims[sub]", "me", seen())).toBe(false);
  });

  it("compares the other keys, and skips a rule with one that istiod does not know", () => {
    expect(envoy(when("destination.port", 'values: ["8000"]'))).toBe(true);
    expect(envoy(when("destination.port", 'values: ["80"]'))).toBe(false);
    expect(envoy(when("source.namespace", "values: [default]"))).toBe(true);
    expect(envoy(when("source.principal", 'values: ["*/appa"]'))).toBe(true);
    expect(envoy(when("source.serviceAccount", "values: [default/appa]"))).toBe(true);
    expect(envoy(when("source.trustDomain", "values: [cluster.local]"))).toBe(true);
    // Requests name no server.
    expect(envoy(when("connection.sni", "values: [x]"))).toBe(false);
    expect(envoy(when("connection.sni", "notValues: [x]"))).toBe(true);
    expect(envoy(when("experimental.envoy.filters.a.b", "values: [x]"))).toEqual({
      unclear: "the condition experimental.envoy.filters.a.b reads what a filter of Envoy wrote",
    });
    for (const key of ["novelty", "xrequest.headers[a]", "request.headers[a]x", "request.auth.claims[a]x"]) {
      expect(envoy(when(key, "notValues: [x]"))).toBe(false);
      expect(envoy(when(key, "notValues: [x]"), seen(), "DENY")).toBe(false);
    }
  });

  it("needs all parts, any item of a part, any value, and none of the negated values", () => {
    const get = "{ operation: { methods: [GET] } }";
    const put = "{ operation: { methods: [PUT] } }";
    const appa = "{ source: { serviceAccounts: [appa] } }";
    const appb = "{ source: { serviceAccounts: [appb] } }";
    expect(envoy("{}")).toBe(true);
    expect(envoy(`{ to: [${put}, ${get}], from: [${appb}, ${appa}] }`)).toBe(true);
    expect(envoy(`{ to: [${put}], from: [${appa}] }`)).toBe(false);
    expect(envoy(`{ to: [${get}], from: [${appb}] }`)).toBe(false);
    expect(envoy(`{ to: [${get}], when: [{ key: source.namespace, values: [x] }] }`)).toBe(false);
    expect(envoy(operation("{ methods: [PUT, GET] }"))).toBe(true);
    expect(envoy(operation("{ methods: [GET], paths: [/x] }"))).toBe(false);
    expect(envoy(operation("{ notMethods: [PUT] }"))).toBe(true);
    expect(envoy(operation("{ notMethods: [PUT, GET] }"))).toBe(false);
    expect(envoy(operation("{ methods: ['*'], notMethods: [GET] }"))).toBe(false);
    expect(envoy(when("source.namespace", "values: ['*'], notValues: [default]"))).toBe(false);
    expect(envoy("{ to: [{ operation: {} }] }")).toBe(true);
  });

  // model.go: an ALLOW rule whose value cannot be written is left out, a DENY rule loses the value.
  it("leaves out an ALLOW rule about HTTP where a proxy reads none, and what is left of a DENY rule stays", () => {
    const { http: _, ...opaque } = seen();
    for (const rule of [operation("{ methods: [GET] }"), operation("{ notMethods: [PUT] }")]) {
      expect(envoy(rule, opaque)).toBe(false);
      expect(envoy(rule, opaque, "DENY")).toBe(true);
    }
    expect(envoy(source("{ serviceAccounts: [appa] }"), opaque)).toBe(true);
    const both = "{ to: [{ operation: { methods: [GET], ports: ['80'] } }] }";
    expect(envoy(both, opaque, "DENY")).toBe(false);
    expect(envoy(operation("{ ports: [x, '8000'] }"), seen(), "DENY")).toBe(true);
    expect(envoy(when("request.auth.claims[a]", "values: [b]"), opaque, "DENY")).toBe(true);
  });
});

// istio 1.31: pilot/pkg/serviceregistry/ambient/authorization.go; ztunnel 1.31: src/rbac.rs
describe("ztunnelRuleMatches()", () => {
  const ztunnel = (rule: string, what: Seen = seen(), action?: string) =>
    ztunnelRuleMatches(parse(rule), policy(action), what);

  it("names the parts of a rule that are about HTTP, each once", () => {
    const rule = `
to: [{ operation: { methods: [GET], ports: ["80"] } }, { operation: { methods: [PUT], notPaths: [/x] } }]
from: [{ source: { requestPrincipals: ["*"], principals: ["*"] } }]
when: [{ key: "request.headers[a]", values: [x] }, { key: destination.port, values: ["80"] }, {}]`;
    expect(httpParts(parse(rule))).toEqual(["methods", "notPaths", "requestPrincipals", "request.headers[a]"]);
    expect(httpParts({})).toEqual([]);
  });

  it("compares ports, principals, namespaces and ServiceAccounts", () => {
    const of = (field: string, ...values: string[]) =>
      values.map((value) => ztunnel(source(`{ ${field}: ["${value}"] }`)));
    expect(of("principals", "cluster.local/ns/default/sa/appa", "*/appa", "*", "x")).toEqual([true, true, true, false]);
    expect(of("namespaces", "default", "def*", "x")).toEqual([true, true, false]);
    expect(of("serviceAccounts", "appa", "default/appa", "other/appa", "default/appb", "appb")).toEqual([
      ...[true, true, false, false, false],
    ]);
    const port = (value: string) => ztunnel(operation(`{ ports: ["${value}"] }`));
    expect([port("8000"), port("80")]).toEqual([true, false]);
    expect(ztunnel(operation('{ ports: ["65535"] }'), seen({ port: 65_535 }))).toBe(true);
  });

  it("gives plain text an empty namespace and no principal", () => {
    expect(ztunnel(source('{ principals: ["*"] }'), plain)).toBe(false);
    expect(ztunnel(source('{ notPrincipals: ["*"] }'), plain)).toBe(true);
    expect(ztunnel(source('{ namespaces: ["*"] }'), plain)).toBe(false);
    expect(ztunnel(source("{ notNamespaces: [default] }"), plain)).toBe(true);
    expect(ztunnel(source("{ serviceAccounts: [appa] }"), plain)).toBe(false);
  });

  it("does not know the address of a caller, and reads that of the pod", () => {
    expect(ztunnel(source('{ ipBlocks: ["10.0.0.0/8"] }'))).toEqual(unknownSource);
    const to = (...addresses: string[]) =>
      ztunnel(when("destination.ip", 'values: ["10.0.0.0/8"]'), seen({ addresses }));
    expect([to("10.1.1.1"), to("11.1.1.1"), to("fd00::1")]).toEqual([true, false, false]);
    expect(to("10.1.1.1", "11.1.1.1")).toEqual({
      unclear: "the destination has addresses inside and outside of the range",
    });
    expect(to()).toEqual({ unclear: "the address that the request is sent to is not known" });
    expect(ztunnel(when("destination.ip", 'values: ["10.0.0.0/8"]'))).toEqual({
      unclear: "the address that the request is sent to is not known",
    });
    expect(ztunnel(when("destination.ip", 'values: ["fd00::/8"]'), seen({ addresses: ["fd00::1"] }))).toBe(true);
  });

  it("compares the keys of layer 4", () => {
    expect(ztunnel(when("source.namespace", "values: [default]"))).toBe(true);
    expect(ztunnel(when("source.principal", 'values: ["x"]'))).toBe(false);
    expect(ztunnel(when("source.principal", 'notValues: ["x"]'))).toBe(true);
    expect(ztunnel(when("destination.port", 'values: ["8000"]'))).toBe(true);
    expect(ztunnel(when("source.ip", 'values: ["::1"]'))).toEqual(unknownSource);
    expect(ztunnel(when("request.headers[a]", 'notValues: ["x"]'), seen(), "DENY")).toBe(false);
  });

  it("leaves out an ALLOW rule with a part about HTTP, and takes the part out of a DENY rule", () => {
    const both = '{ to: [{ operation: { ports: ["8000"], methods: [PUT] } }] }';
    expect([ztunnel(both), ztunnel(both, seen(), "DENY")]).toEqual([false, true]);
    expect(ztunnel(operation("{ methods: [GET] }"), seen(), "DENY")).toBe(false);
  });

  it("needs all parts, any item, any value, and none of the negated values; a match without any never holds", () => {
    const port = (value: string) => `{ operation: { ports: ["${value}"] } }`;
    expect(ztunnel("{}")).toBe(true);
    expect(ztunnel(`{ to: [${port("80")}, ${port("8000")}], from: [{ source: { namespaces: [default] } }] }`)).toBe(
      true,
    );
    expect(ztunnel(`{ to: [${port("8000")}], from: [{ source: { namespaces: [x] } }] }`)).toBe(false);
    expect(ztunnel(operation('{ ports: ["80", "8000"] }'))).toBe(true);
    expect(ztunnel(operation('{ notPorts: ["80"] }'))).toBe(true);
    expect(ztunnel(operation('{ notPorts: ["80", "8000"] }'))).toBe(false);
    expect(ztunnel(source("{ namespaces: [default], serviceAccounts: [appb] }"))).toBe(false);
    expect(ztunnel("{ to: [{ operation: {} }] }")).toBe(false);
    // A value that istiod cannot read is not sent.
    expect(ztunnel(operation('{ ports: ["x", "8000"] }'))).toBe(true);
    expect([ztunnel(operation('{ ports: ["x"] }')), ztunnel(operation('{ ports: ["80000"] }'))]).toEqual([
      false,
      false,
    ]);
    expect(ztunnel(source("{ ipBlocks: [x] }"))).toBe(false);
  });
});
