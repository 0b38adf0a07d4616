import { describe, expect, it } from "vitest";
import {
  all,
  always,
  any,
  type Condition,
  conditionText,
  differences,
  never,
  not,
  test,
  unknown,
} from "../../../verify/proxy-config/condition";
import { rulesOfFilter } from "../../../verify/proxy-config/envoy-rbac";

const [a, b, c] = [test("a"), test("b"), test("c")];

describe("conditions", () => {
  it("have a normal form, independent of order, duplicates and nesting", () => {
    expect(all([b, a, b, all([c, a])])).toEqual({ kind: "all", of: [a, b, c] });
    expect(any([b, any([a]), b])).toEqual({ kind: "any", of: [a, b] });
    expect([all([a]), any([a, a])]).toEqual([a, a]);
    expect([all([]), any([])]).toEqual([always, never]);
    expect([all([a, never]), any([a, always])]).toEqual([never, always]);
    expect([all([a, always]), any([a, never])]).toEqual([a, a]);
    expect(all([a, any([b, c])])).toEqual({ kind: "all", of: [any([b, c]), a] });
    expect([not(not(a)), not(always), not(never), not(all([a, b]))]).toEqual([
      ...[a, never, always, { kind: "not", of: all([a, b]) }],
    ]);
  });

  it("keep a part that is not understood, also where the rest decides alone", () => {
    const odd = unknown({ x: 1 });
    expect(conditionText(all([never, odd]))).toBe('never and not understood: {"x":1}');
    expect(conditionText(any([always, all([a, odd])]))).toBe('(a and not understood: {"x":1} or always)');
    for (const found of [odd, not(odd), any([a, all([b, not(odd)])])])
      expect(differences(found, found)).toEqual(['has a part that is not understood: {"x":1}']);
  });

  it("are written with words between them", () => {
    expect([all([a, b]), any([a, b]), not(a), always, never].map(conditionText)).toEqual([
      ...["a and b", "(a or b)", "not (a)", "always", "never"],
    ]);
  });

  it("have differences at the deepest level that can be determined", () => {
    const compared = (declared: Condition, found: Condition) => differences(declared, found);
    expect(compared(all([a, b]), all([b, a]))).toEqual([]);
    expect(compared(all([a, b]), all([a, c]))).toEqual(['has "c", which is not declared', 'lacks "b"']);
    expect(compared(a, all([a, b]))).toEqual(['has "b", which is not declared']);
    expect(compared(all([a, b]), a)).toEqual(['lacks "b"']);
    expect(compared(a, b)).toEqual(['is "b", declared is "a"']);
    expect(compared(all([a, b]), any([a, b]))).toEqual(['is "(a or b)", declared is "a and b"']);
    expect(compared(a, always)).toEqual(['is "always", declared is "a"']);
    expect(compared(always, a)).toEqual(['is "a", declared is "always"']);
    expect(compared(all([a, any([b, c])]), all([a, any([b, c, test("d")])]))).toEqual([
      'has "d", which is not declared',
    ]);
    expect(compared(all([a, b]), all([a, any([b, c])]))).toEqual(['has "c", which is not declared']);
    expect(compared(all([a, b]), all([a, b, c, test("d")]))).toEqual([
      ...['has "c", which is not declared', 'has "d", which is not declared'],
    ]);
  });
});

/** The condition of a permission and a principal, in the words of a rule. */
const policy = (permission: unknown, principal: unknown = { any: true }) => {
  const config = { rules: { policies: { p: { permissions: [permission], principals: [principal] } } } };
  const [rule] = rulesOfFilter(config);
  return rule ? conditionText(rule.condition) : "no rule";
};
const odd = (node: unknown) => expect(policy(node)).toBe(`not understood: ${JSON.stringify(node)}`);

// envoy: api/envoy/extensions/filters/http/rbac/v3/rbac.proto, api/envoy/config/rbac/v3/rbac.proto, api/envoy/type/matcher/v3
describe("rulesOfFilter()", () => {
  it("has the rules and the dry runs, with their action", () => {
    const any = { permissions: [{ any: true }], principals: [{ any: true }] };
    expect(
      rulesOfFilter({
        ...{ "@type": "x", shadowRulesStatPrefix: "x", rulesStatPrefix: "x" },
        rules: { action: "DENY", policies: { one: any, two: { permissions: [], principals: [{ any: true }] } } },
        shadowRules: { action: "LOG", policies: { three: any } },
      }),
    ).toEqual([
      { name: "one", action: "DENY", shadow: false, condition: always },
      { name: "two", action: "DENY", shadow: false, condition: never },
      { name: "three", action: "LOG", shadow: true, condition: always },
    ]);
    expect(rulesOfFilter({ rules: { policies: { one: any } } })).toMatchObject([{ action: "ALLOW" }]);
    expect(rulesOfFilter({ rules: {} })).toEqual([]);
  });

  it("reports unknown fields as not understood", () => {
    expect(rulesOfFilter({ matcher: {} })).toEqual([
      { name: "the filter itself", action: "ALLOW", shadow: false, condition: unknown({ matcher: {} }) },
    ]);
    expect(rulesOfFilter({ rules: { action: "NEW" }, shadowRules: { auditLoggingOptions: {} } })).toEqual([
      { name: "the rules themselves", action: "ALLOW", shadow: false, condition: unknown("NEW") },
      { name: "the rules themselves", action: "ALLOW", shadow: true, condition: unknown({ auditLoggingOptions: {} }) },
    ]);
    expect(rulesOfFilter({ rules: { policies: { p: { permissions: [], condition: "x" } } } })).toMatchObject([
      { condition: unknown({ condition: "x" }) },
    ]);
  });

  it("joins sets, and takes negations", () => {
    const [port, other] = [{ destinationPort: 80 }, { destinationPort: 81 }];
    expect(policy({ andRules: { rules: [port, other] } })).toBe("port is 80 and port is 81");
    expect(policy({ orRules: { rules: [port, other] } })).toBe("(port is 80 or port is 81)");
    expect(policy({ notRule: port })).toBe("not (port is 80)");
    const [ip, far] = [
      { addressPrefix: "10.0.0.0", prefixLen: 8 },
      { addressPrefix: "11.0.0.0", prefixLen: 8 },
    ];
    expect(policy(port, { andIds: { ids: [{ remoteIp: ip }, { directRemoteIp: far }] } })).toBe(
      "client address is in 10.0.0.0/8 and port is 80 and source address is in 11.0.0.0/8",
    );
    expect(policy({ any: true }, { orIds: { ids: [{ sourceIp: ip }, { sourceIp: far }] } })).toBe(
      "(source address is in 10.0.0.0/8 or source address is in 11.0.0.0/8)",
    );
    expect(policy({ any: true }, { notId: { sourceIp: ip } })).toBe("not (source address is in 10.0.0.0/8)");
    for (const empty of [
      { andRules: { rules: [] } },
      { orRules: { rules: [] } },
      { andIds: { ids: [] } },
      { orIds: {} },
    ])
      odd(empty);
    odd({ andRules: { rules: [port], more: 1 } });
    odd({ any: false });
    odd({ any: true, destinationPort: 80 });
    odd({});
    odd({ sourcedMetadata: {} });
  });

  it("reads ports, addresses, paths and names of servers", () => {
    const range = { addressPrefix: "10.0.0.0", prefixLen: 8 };
    expect(policy({ destinationPort: 80 })).toBe("port is 80");
    expect(policy({ destinationIp: range })).toBe("destination address is in 10.0.0.0/8");
    expect(policy({ urlPath: { path: { exact: "/a" } } })).toBe("path is /a");
    expect(policy({ uriTemplate: { name: "x", typedConfig: { "@type": "y", pathTemplate: "/a/*" } } })).toBe(
      "path fits /a/*",
    );
    expect(policy({ requestedServerName: { suffix: ".a" } })).toBe("server name ends with .a");
    odd({ destinationPort: "80" });
    for (const node of [{ destinationIp: { addressPrefix: "10.0.0.0" } }, { destinationIp: { ...range, more: 1 } }])
      odd(node);
    odd({ urlPath: { path: { exact: "/a" }, more: 1 } });
    odd({ urlPath: {} });
    odd({ uriTemplate: { name: "x", typedConfig: { pathTemplate: "/a" } } });
    odd({ uriTemplate: { name: "x", typedConfig: { "@type": "y", pathTemplate: "/a", more: 1 } } });
    odd({ uriTemplate: { name: "x", more: 1, typedConfig: { "@type": "y", pathTemplate: "/a" } } });
  });

  it("reads texts: exact, by an end, by an expression, in any case", () => {
    const text = (matcher: unknown) => policy({ requestedServerName: matcher });
    expect(text({ exact: "a" })).toBe("server name is a");
    expect(text({ exact: "" })).toBe("server name is ");
    expect(text({ prefix: "a", ignoreCase: true })).toBe("server name begins with a in any case");
    expect(text({ prefix: "a", ignoreCase: false })).toBe("server name begins with a");
    expect(text({ safeRegex: { regex: "a.*" } })).toBe("server name matches a.*");
    expect(text({ safeRegex: { regex: ".+", googleRe2: {} } })).toBe("server name is present");
    for (const matcher of [
      ...[{}, { exact: "a", prefix: "b" }, { exact: 1 }, { contains: "a" }, { safeRegex: {} }],
      ...[
        { safeRegex: { regex: "a", more: 1 } },
        { safeRegex: { regex: "a" }, ignoreCase: true },
        { custom: { regex: "a" } },
      ],
    ])
      odd({ requestedServerName: matcher });
  });

  it("reads headers", () => {
    const header = (name: string, rest: object) => policy({ header: { name, ...rest } });
    expect(header(":method", { stringMatch: { exact: "GET" } })).toBe("method is GET");
    expect(header(":authority", { stringMatch: { exact: "a" } })).toBe("host is a");
    expect(header("x-a", { stringMatch: { exact: "a" } })).toBe("header x-a is a");
    expect(header("x-a", { presentMatch: true })).toBe("header x-a is present");
    for (const rest of [
      ...[{}, { presentMatch: false }, { presentMatch: true, invertMatch: true }],
      ...[{ stringMatch: { exact: "a" }, invertMatch: true }, { exactMatch: "a" }],
    ])
      odd({ header: { name: "x-a", ...rest } });
  });

  it("reads identities, without their scheme", () => {
    const own = "spiffe://cluster.local/ns/a/sa/b";
    const identity = (principal: unknown) => policy({ any: true }, principal);
    expect(identity({ authenticated: { principalName: { exact: own } } })).toBe("identity is cluster.local/ns/a/sa/b");
    const state = (fields: object) => identity({ filterState: { key: "io.istio.peer_principal", ...fields } });
    expect(state({ stringMatch: { exact: own } })).toBe("identity is cluster.local/ns/a/sa/b");
    expect(state({ stringMatch: { safeRegex: { regex: ".*/ns/a/.*" } } })).toBe("identity matches .*/ns/a/.*");
    for (const text of [
      ...[identity({ authenticated: {} }), identity({ authenticated: { principalName: { exact: own }, more: 1 } })],
      ...[
        state({ stringMatch: { exact: own }, more: 1 }),
        state({ key: "other", stringMatch: { exact: own } }),
        state({}),
      ],
    ])
      expect(text).toMatch(/^not understood: \{/);
  });

  it("reads metadata: claims of tokens, and elements of lists", () => {
    const metadata = (value: unknown, more = {}) =>
      policy({ any: true }, { metadata: { filter: "f", path: [{ key: "payload" }, { key: "iss" }], value, ...more } });
    const exact = { stringMatch: { exact: "a" } };
    expect(metadata(exact)).toBe("f payload.iss is a");
    expect(metadata({ listMatch: { oneOf: exact } })).toBe("an element of f payload.iss is a");
    expect(metadata({ orMatch: { valueMatchers: [exact, { listMatch: { oneOf: exact } }] } })).toBe(
      "(an element of f payload.iss is a or f payload.iss is a)",
    );
    for (const text of [
      ...[metadata({ nullMatch: {} }), metadata({ ...exact, more: 1 }), metadata(exact, { invert: true })],
      ...[metadata({ listMatch: { oneOf: exact, more: 1 } }), metadata({ listMatch: {} })],
      ...[metadata({ orMatch: { valueMatchers: [exact], more: 1 } }), metadata({ orMatch: {} })],
      ...[metadata(exact, { path: [{ key: "payload" }, {}] }), metadata({ listMatch: { oneOf: {} }, more: 1 })],
    ])
      expect(text).toContain("not understood: {");
  });
});
