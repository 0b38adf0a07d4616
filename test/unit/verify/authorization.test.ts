import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { rbacRulesOf, selects, ztunnelPoliciesOf } from "../../../verify/declared/authorization";
import type { KubeObject } from "../../../verify/lab-client";
import { conditionText } from "../../../verify/proxy-config/condition";

const policy = (spec: string, metadata: KubeObject["metadata"] = {}): KubeObject => ({
  ...{ apiVersion: "security.istio.io/v1", kind: "AuthorizationPolicy", spec: parse(spec) },
  metadata: { name: "p", namespace: "default", ...metadata },
});

/** The condition of the only rule of a policy at a waypoint. */
const envoy = (rule: string): string => {
  const [only, ...more] = rbacRulesOf([policy(`{ rules: [${rule}] }`)]);
  expect(more).toEqual([]);
  return only ? conditionText(only.condition) : "no rule";
};
const operation = (fields: string) => envoy(`{ to: [{ operation: { ${fields} } }] }`);
const source = (fields: string) => envoy(`{ from: [{ source: { ${fields} } }] }`);
const when = (key: string, values: string) => envoy(`{ when: [{ key: "${key}", ${values} }] }`);

// istio 1.31: pilot/pkg/security/authz/builder/builder.go, model/model.go, model/generator.go, matcher/
describe("rbacRulesOf()", () => {
  it("names rules by their policy, and takes the action and a dry run from it", () => {
    const rules = (action: string, annotations = {}) =>
      rbacRulesOf([policy(`{ ${action} rules: [{}, {}] }`, { annotations })]).map(({ condition, ...rest }) => ({
        ...rest,
        condition: conditionText(condition),
      }));
    const rule = (index: number, action: string, shadow = false) => ({
      ...{ name: `ns[default]-policy[p]-rule[${index}]`, action, shadow, condition: "always" },
    });
    expect(rules("")).toEqual([rule(0, "ALLOW"), rule(1, "ALLOW")]);
    expect(rules("action: DENY,")).toEqual([rule(0, "DENY"), rule(1, "DENY")]);
    expect(rules("action: AUDIT,")).toEqual([rule(0, "LOG"), rule(1, "LOG")]);
    for (const yes of ["true", "1", "t", "T", "TRUE", "True"])
      expect(rules("", { "istio.io/dry-run": yes })[0]).toEqual(rule(0, "ALLOW", true));
    for (const no of ["false", "yes", ""]) expect(rules("", { "istio.io/dry-run": no })[0]).toEqual(rule(0, "ALLOW"));
    expect(rbacRulesOf([policy("{}")])).toMatchObject([{ name: "ns[default]-policy[p]-rule[0]" }]);
    expect(rbacRulesOf([policy("{}")]).map(({ condition }) => conditionText(condition))).toEqual(["never"]);
  });

  it("reads operations", () => {
    expect(operation("hosts: [a.b]")).toBe("host is a.b in any case");
    expect(operation("hosts: ['*.b']")).toBe("host ends with .b in any case");
    expect(operation("hosts: ['*']")).toBe("host is present");
    expect(operation("methods: [GET, 'P*']")).toBe("(method begins with P or method is GET)");
    expect(operation("paths: [/a, '/b*', '*c']")).toBe("(path begins with /b or path ends with c or path is /a)");
    expect(operation("paths: ['/a/{*}/b', '/c/{**}']")).toBe("(path fits /a/*/b or path fits /c/**)");
    expect(operation("ports: ['80']")).toBe("port is 80");
    expect(operation("notMethods: [GET, PUT]")).toBe("not ((method is GET or method is PUT))");
    expect(operation("notPorts: ['80'], methods: [GET]")).toBe("method is GET and not (port is 80)");
    expect(operation("methods: []")).toBe("always");
    expect(operation("novelty: [x]")).toBe('not understood: {"novelty":["x"]}');
    expect(operation("nothing: [x]")).toBe('not understood: {"nothing":["x"]}');
  });

  it("reads sources", () => {
    expect(source("principals: [a/ns/b/sa/c, 'a*', '*/sa/c.d', '*']")).toBe(
      "(identity begins with a or identity is a/ns/b/sa/c or identity is present or identity matches .*/sa/c\\.d)",
    );
    expect(source("namespaces: [a, 'b*c']")).toBe("(identity matches .*/ns/a/.* or identity matches .*/ns/b.*c/.*)");
    expect(source("serviceAccounts: [a, other/b.c]")).toBe(
      "(identity matches .+/ns/default/(.+/|)sa/a(/.+)? or identity matches .+/ns/other/(.+/|)sa/b\\.c(/.+)?)",
    );
    expect(source("trustDomains: ['*']")).toBe("identity begins with ");
    expect(source("trustDomains: [a.b]")).toBe("identity begins with a.b/");
    expect(source("trustDomains: ['a.*b']")).toBe("identity matches a\\.[^/]*b/.*");
    expect(source("ipBlocks: [10.0.0.1, 'fd00::1', 10.0.0.0/8]")).toBe(
      "(source address is in 10.0.0.0/8 or source address is in 10.0.0.1/32 or source address is in fd00::1/128)",
    );
    expect(source("remoteIpBlocks: [10.0.0.1]")).toBe("client address is in 10.0.0.1/32");
    expect(source("notNamespaces: [a]")).toBe("not (identity matches .*/ns/a/.*)");
  });

  it("reads principals of tokens", () => {
    const of = (value: string) =>
      source(`requestPrincipals: ["${value}"]`).replaceAll("envoy.filters.http.jwt_authn payload.", "");
    expect(of("*")).toBe("iss is present and sub is present");
    expect(of("https://x/y")).toBe("iss is https://x and sub is y");
    expect(of("https://x/*")).toBe("iss is https://x and sub is present");
    expect(of("*/y")).toBe("iss is present and sub is y");
    expect(of("x")).toBe("iss is x and sub is ");
    expect(of("x*")).toBe('not understood: {"requestPrincipals":"x*"}');
  });

  it("reads conditions: those about requests go with operations, the others with sources", () => {
    expect(when("destination.ip", "values: [10.0.0.1]")).toBe("destination address is in 10.0.0.1/32");
    expect(when("destination.port", "values: ['80']")).toBe("port is 80");
    expect(when("connection.sni", "values: ['*.a']")).toBe("server name ends with .a");
    expect(when("source.ip", "values: [10.0.0.1]")).toBe("source address is in 10.0.0.1/32");
    expect(when("remote.ip", "values: [10.0.0.1]")).toBe("client address is in 10.0.0.1/32");
    expect(when("source.namespace", "values: [a]")).toBe("identity matches .*/ns/a/.*");
    expect(when("source.principal", "values: [a]")).toBe("identity is a");
    expect(when("request.headers[x-a]", "values: [b], notValues: ['c*']")).toBe(
      "header x-a is b and not (header x-a begins with c)",
    );
    const claims = (key: string, values: string) =>
      when(key, values).replaceAll("envoy.filters.http.jwt_authn payload", "P");
    expect(claims("request.auth.principal", "values: ['*']")).toBe("P.iss is present and P.sub is present");
    expect(claims("request.auth.audiences", "values: [a]")).toBe("(an element of P.aud is a or P.aud is a)");
    expect(claims("request.auth.presenter", "values: [a]")).toBe("(an element of P.azp is a or P.azp is a)");
    expect(claims("request.auth.claims[a][b]", "values: [c]")).toBe("(an element of P.a.b is c or P.a.b is c)");
    for (const key of [
      "novelty",
      "request.headers",
      "xrequest.headers[a]",
      "request.auth.claims",
      "request.headers[a]x",
    ])
      expect(when(key, "values: [b]")).toBe(`not understood: {"key":"${key}","values":["b"]}`);
    expect(envoy("{ novelty: 1 }")).toBe('not understood: {"novelty":1}');
  });

  it("joins them: any operation with its conditions, and any source with its", () => {
    const rule = `{
      to: [{ operation: { methods: [GET] } }, { operation: { methods: [PUT] } }],
      from: [{ source: { principals: [a] } }, { source: { principals: [b] } }],
      when: [{ key: destination.port, values: ["80"] }, { key: source.namespace, values: [n] }],
    }`;
    expect(envoy(rule)).toBe(
      "(identity is a and identity matches .*/ns/n/.* or identity is b and identity matches .*/ns/n/.*) and (method is GET and port is 80 or method is PUT and port is 80)",
    );
  });
});

describe("selects()", () => {
  const pod = { namespace: "default", labels: { app: "a", v: "1" } };

  it("selects by labels in a namespace, or in the mesh from the root namespace", () => {
    const is = (spec: string, namespace = "default") => selects(policy(spec, { namespace }), pod);
    expect([is("{}"), is("{}", "istio-system"), is("{}", "other")]).toEqual([true, true, false]);
    expect(is("{ selector: { matchLabels: { app: a } } }")).toBe(true);
    expect(is("{ selector: { matchLabels: { app: a, v: '2' } } }")).toBe(false);
    expect([is("{ targetRefs: [{}] }"), is("{ targetRef: {} }")]).toEqual([false, false]);
  });
});

// istio 1.31: pilot/pkg/serviceregistry/ambient/authorization.go and peer_authentication.go
describe("ztunnelPoliciesOf()", () => {
  const pod = { namespace: "default", labels: { app: "a" } };
  const of = (spec: string, metadata: KubeObject["metadata"] = {}) =>
    ztunnelPoliciesOf([policy(spec, metadata)], pod).map(({ condition, ...rest }) => ({
      ...rest,
      condition: conditionText(condition),
    }))[0];
  const rule = (text: string, action = "ALLOW") => of(`{ action: ${action}, rules: [${text}] }`)?.condition;

  it("have a scope, an action and a dry run", () => {
    const expected = { name: "p", namespace: "default", scope: "Namespace", action: "Allow", dryRun: false };
    expect(of("{ rules: [{}] }")).toEqual({ ...expected, condition: "always" });
    expect(of("{}")).toEqual({ ...expected, condition: "never" });
    expect(of("{ selector: { matchLabels: { app: a } }, action: DENY, rules: [{}] }")).toEqual({
      ...{ ...expected, scope: "WorkloadSelector", action: "Deny", condition: "always" },
    });
    expect(of("{}", { namespace: "istio-system", annotations: { "istio.io/dry-run": "true" } })).toEqual({
      ...{ ...expected, namespace: "istio-system", scope: "Global", dryRun: true, condition: "never" },
    });
    expect(of("{}", { namespace: "other" })).toBeUndefined();
  });

  it("are those of pods alone, and one against plain text where a PeerAuthentication is STRICT", () => {
    const peer = (mode: string): KubeObject => ({
      ...policy(`{ mtls: { mode: ${mode} } }`),
      kind: "PeerAuthentication",
    });
    expect(ztunnelPoliciesOf([peer("PERMISSIVE")], pod)).toEqual([]);
    const [strict, ...more] = ztunnelPoliciesOf([peer("STRICT"), peer("STRICT")], pod);
    expect(more).toEqual([]);
    expect(strict).toMatchObject({
      ...{ name: "istio_converted_static_strict", namespace: "istio-system", scope: "WorkloadSelector" },
      ...{ action: "Deny", dryRun: false },
    });
    expect(strict && conditionText(strict.condition)).toBe("not (identity is present)");
    expect(ztunnelPoliciesOf([{ ...policy("{}"), kind: "VirtualService" }], pod)).toEqual([]);
  });

  it("read the fields and the keys of layer 4", () => {
    expect(rule("{ to: [{ operation: { ports: ['80'] } }] }")).toBe("port is 80");
    expect(rule("{ from: [{ source: { principals: ['*/sa/a'], notNamespaces: [b] } }] }")).toBe(
      "identity ends with /sa/a and not (namespace is b)",
    );
    expect(rule("{ from: [{ source: { ipBlocks: [10.0.0.1], serviceAccounts: [a, b/c] } }] }")).toBe(
      "(service account is b/c or service account is default/a) and source address is in 10.0.0.1/32",
    );
    const key = (name: string, value: string) => rule(`{ when: [{ key: ${name}, values: ["${value}"] }] }`);
    expect(key("source.ip", "10.0.0.1")).toBe("source address is in 10.0.0.1/32");
    expect(key("source.namespace", "a*")).toBe("namespace begins with a");
    expect(key("source.principal", "a")).toBe("identity is a");
    expect(key("destination.ip", "10.0.0.0/8")).toBe("destination address is in 10.0.0.0/8");
    expect(key("destination.port", "80")).toBe("port is 80");
    expect(rule("{ when: [{ key: source.namespace, values: [a], notValues: [b] }] }")).toBe(
      "namespace is a and not (namespace is b)",
    );
  });

  it("leave out an ALLOW rule about HTTP, and take that part out of a DENY rule", () => {
    const port = "{ operation: { ports: ['80'] } }";
    for (const http of [
      "{ to: [{ operation: { methods: [GET], ports: ['80'] } }] }",
      `{ to: [${port}], from: [{ source: { requestPrincipals: ['*'] } }] }`,
      `{ to: [${port}], when: [{ key: request.auth.principal, values: ['*'] }] }`,
    ])
      expect(rule(http)).toBe("never");
    expect(rule("{ to: [{ operation: { methods: [], ports: ['80'] } }] }")).toBe("port is 80");
    expect(rule("{ to: [{ operation: { methods: [GET], ports: ['80'] } }] }", "DENY")).toBe("port is 80");
    expect(rule("{ to: [{ operation: { methods: [GET] } }] }", "DENY")).toBe("never");
    expect(rule("{ from: [{ source: { remoteIpBlocks: [10.0.0.1], principals: [a] } }] }", "DENY")).toBe(
      "identity is a",
    );
    expect(rule(`{ to: [${port}, { operation: { methods: [GET] } }] }`, "DENY")).toBe("port is 80");
    expect(rule(`{ to: [${port}], when: [{ key: "request.headers[a]", values: [b] }] }`, "DENY")).toBe("never");
    expect(rule(`{ to: [${port}], from: [{ source: { principals: [a] } }] }`)).toBe("identity is a and port is 80");
  });
});
