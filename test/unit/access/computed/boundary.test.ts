import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { boundaryRequests } from "../../../../access/computed/boundary";
import { computeDecision } from "../../../../access/computed/decide";
import type { AccessRequest, Mesh } from "../../../../access/types";
import type { KubeObject } from "../../../../verify/lab-client";
import { baseObjects, meshOf } from "./living";

let base: readonly KubeObject[];
beforeAll(async () => {
  base = await baseObjects();
}, 60_000);

const policy = (spec: string): KubeObject => ({
  apiVersion: "security.istio.io/v1",
  kind: "AuthorizationPolicy",
  metadata: { name: "p", namespace: "default" },
  spec: parse(spec),
});

const onService = "targetRefs: [{ kind: Service, group: '', name: appb }]";
const id = (account: string) => `cluster.local/ns/default/sa/${account}`;

function asked(spec: string, more: readonly KubeObject[] = []): { mesh: Mesh; lines: string[]; spec: KubeObject } {
  const own = policy(spec);
  const mesh = meshOf([...base, own, ...more]);
  const lines = boundaryRequests(mesh, own).map(({ reason }) =>
    reason.replace(" of AuthorizationPolicy default/p", ""),
  );
  return { mesh, lines, spec: own };
}

describe("boundaryRequests()", () => {
  it("asks each sender, method and path that a rule names, and the nearest that it does not match", () => {
    const { lines } = asked(
      `${onService}\nrules: [{ from: [{ source: { principals: ["${id("appa")}", "${id("nobody")}"] } }], to: [{ operation: { methods: [GET, PUT], paths: [/api] } }] }]`,
    );
    expect(lines).toEqual([
      "rule 1 matches ServiceAccount default/appa",
      "rule 1 does not match ServiceAccount default/appb",
      "rule 1 does not match ServiceAccount default/stranger",
      "rule 1 does not match ServiceAccount default/outsider",
      "rule 1 does not match a sender outside the mesh",
      "rule 1 does not match Gateway default/gateway",
      "rule 1 matches method PUT",
      "rule 1 does not match method POST",
      "rule 1 does not match method DELETE",
      "rule 1 does not match method PATCH",
      "rule 1 does not match method HEAD",
      "rule 1 does not match method OPTIONS",
      "rule 1 does not match path /api/x",
      "rule 1 does not match path /apix",
      "rule 1 does not match path /ap",
    ]);
  });

  it.each([
    ["/api/*", ["/api/", "/api/x"], ["/api", "/"]],
    ["*.html", ["/x.html"], ["/x.htmlx", "/x"]],
    ["/v/{*}/end", ["/v/x/end"], ["/v/x/y/end", "/v/x/end/x", "/v/x"]],
    ["/files/{**}", ["/files/x/y", "/files/x", "/files/x/y/x"], []],
  ])("asks the paths around %s", (path, inside, outside) => {
    const { mesh, spec } = asked(`${onService}\nrules: [{ to: [{ operation: { paths: ["${path}"] } }] }]`);
    const paths = boundaryRequests(mesh, spec).map(({ request, reason }) => ({
      path: request.path,
      matches: !reason.includes("does not match"),
    }));
    for (const each of inside) expect(paths).toContainEqual({ path: each, matches: expect.anything() });
    for (const each of outside) expect(paths).toContainEqual({ path: each, matches: false });
  });

  it("asks with and without a header, and with tokens", () => {
    const jwt: KubeObject = {
      apiVersion: "security.istio.io/v1",
      kind: "RequestAuthentication",
      metadata: { name: "jwt", namespace: "default" },
      spec: { ...parse(onService), jwtRules: [{ issuer: "https://issuer.example", audiences: ["lab"] }] },
    };
    const { lines, mesh, spec } = asked(
      `${onService}\nrules: [{ from: [{ source: { requestPrincipals: ["https://issuer.example/*"] } }], when: [{ key: "request.headers[X-Go]", values: ["yes*"] }, { key: "request.auth.claims[groups]", values: [admins] }] }]`,
      [jwt],
    );
    expect(lines).toEqual(
      expect.arrayContaining([
        "rule 1 matches header x-go: yesxx",
        "rule 1 does not match header x-go: xyesx",
        "rule 1 does not match a request without header x-go",
        "rule 1 does not match a request without a token",
      ]),
    );
    const said = boundaryRequests(mesh, spec).map(({ request, reason }) => ({
      reason,
      ...computeDecision(mesh, request),
    }));
    const token = said.filter(({ reason }) => reason.includes("token"));
    expect(token.map(({ outcome }) => outcome)).toContain("allowed");
    expect(token.map(({ outcome }) => outcome)).toContain("denied");
  });

  it("asks the gateway where the policy is on it, and a pod's address where ztunnel enforces it", () => {
    const gateway = asked(
      "targetRefs: [{ kind: Gateway, group: gateway.networking.k8s.io, name: gateway }]\naction: DENY\nrules: [{ to: [{ operation: { paths: [/admin] } }] }]",
    );
    const atGateway = boundaryRequests(gateway.mesh, gateway.spec);
    expect(new Set(atGateway.map(({ request }) => request.from.kind))).toEqual(new Set(["gateway"]));
    expect(atGateway[0]?.request.host).toBe("appb.opssec.in");
    const pods = asked(
      `selector: { matchLabels: { app: appb } }\nrules: [{ from: [{ source: { principals: ["${id("waypoint")}", "${id("appa")}"] } }] }]`,
    );
    const atPod = boundaryRequests(pods.mesh, pods.spec);
    expect(atPod[0]?.request.to).toEqual({ kind: "pod", pod: { namespace: "default", name: "appb-1" }, port: 8080 });
    expect(pods.lines[0]).toBe("rule 1 matches ServiceAccount default/appa");
  });

  it("agrees with computeDecision() where the policy is the only one, and repeats itself exactly", () => {
    const { mesh, spec } = asked(
      `${onService}\nrules: [{ from: [{ source: { serviceAccounts: [appa] } }], to: [{ operation: { methods: [GET], notPaths: ["/private*"], hosts: ["appb.default.svc.cluster.local"] } }] }]`,
    );
    const requests = boundaryRequests(mesh, spec);
    for (const { request, reason } of requests) {
      const { outcome } = computeDecision(mesh, request);
      const around = request.from.kind === "workload" && !request.from.inMesh;
      expect([reason, outcome]).toEqual([reason, reason.includes("does not match") && !around ? "denied" : "allowed"]);
    }
    expect(boundaryRequests(mesh, spec)).toEqual(requests);
    expect(new Set(requests.map(({ request }) => JSON.stringify(request))).size).toBe(requests.length);
  });

  /** A field of the requests that a rule matches, and of those that it does not match, each value once. */
  const around = (rule: string, field: (request: AccessRequest) => unknown, more?: readonly KubeObject[]) => {
    const { mesh, spec } = asked(`${onService}\nrules: [${rule}]`, more);
    const requests = boundaryRequests(mesh, spec).filter(({ request }) => request.from.kind === "workload");
    const of = (verb: string) => [
      ...new Map(
        requests
          .filter(({ reason }) => reason.startsWith(`rule 1 of AuthorizationPolicy default/p ${verb} `))
          .map(({ request }) => [JSON.stringify(field(request)), field(request)]),
      ).values(),
    ];
    return [of("matches"), of("does not match")];
  };

  it("asks the hosts around a value: with the port of the request, and with a character more", () => {
    const hosts = (value: string) => around(`{ to: [{ operation: { hosts: ["${value}"] } }] }`, ({ host }) => host);
    expect(hosts("a.b")).toEqual([["a.b"], ["a.b:8000", "xa.b", "a.bx"]]);
    expect(hosts("a.b:*")).toEqual([["a.b:80", "a.b:8000", "a.b:80x"], ["xa.b:80"]]);
    expect(hosts("*.b")).toEqual([
      ["x.b", "xx.b"],
      ["x.b:8000", "x.bx"],
    ]);
    expect(hosts("*")).toEqual([["appb.default.svc.cluster.local:8000"], []]);
  });

  it("asks the ports that a rule names, among those of the Service", () => {
    const ports = (rule: string) => around(rule, ({ to }) => to.port);
    expect(ports('{ to: [{ operation: { ports: ["8000"] } }] }')).toEqual([[8000], []]);
    expect(ports('{ to: [{ operation: { notPorts: ["8000"] } }] }')).toEqual([[], [8000]]);
    expect(ports('{ when: [{ key: destination.port, values: ["8000"] }] }')).toEqual([[8000], []]);
    expect(ports('{ when: [{ key: destination.port, notValues: ["8000"] }] }')).toEqual([[], [8000]]);
    expect(ports("{ to: [{ operation: { methods: [GET] } }] }")).toEqual([[8000], [8000]]);
  });

  it("asks the senders that conditions name, whatever a rule says of tokens and addresses", () => {
    const senders = (rule: string) =>
      asked(`${onService}\nrules: [${rule}]`).lines.flatMap(
        (line) => /^rule 1 matches (ServiceAccount .*)/.exec(line)?.[1] ?? [],
      );
    const key = (name: string, value: string) => `{ when: [{ key: ${name}, values: ["${value}"] }] }`;
    for (const rule of [
      key("source.serviceAccount", "default/appa"),
      key("source.principal", id("appa")),
      "{ from: [{ source: { serviceAccounts: [appa], notRequestPrincipals: [x] } }] }",
    ])
      expect(senders(rule)).toEqual(["ServiceAccount default/appa"]);
    expect(senders(key("source.namespace", "default"))).toContain("ServiceAccount default/stranger");
    expect(senders(key("source.namespace", "other"))).toEqual([]);
    expect(senders(key("source.trustDomain", "cluster.local"))).toContain("ServiceAccount default/appb");
  });

  it("asks the methods that a rule names without a wildcard, then the usual ones, six on a side", () => {
    const methods = (values: string) =>
      around(`{ to: [{ operation: { methods: [${values}] } }] }`, ({ method }) => method);
    expect(methods("TRACE, 'P*'")).toEqual([
      ["TRACE", "POST", "PUT", "PATCH"],
      ["GET", "DELETE", "HEAD", "OPTIONS"],
    ]);
    expect(around("{ to: [{ operation: { notMethods: [GET] } }] }", ({ method }) => method)[1]).toEqual(["GET"]);
    expect(around("{ to: [{ operation: { paths: [/] } }] }", ({ method }) => method)).toEqual([["GET"], ["GET"]]);
  });

  it("asks the paths around a value, a prefix, a suffix, a template and a presence", () => {
    const paths = (value: string) => around(`{ to: [{ operation: { paths: ["${value}"] } }] }`, ({ path }) => path);
    expect(paths("/a/")).toEqual([["/a/"], ["/a/x", "/a"]]);
    expect(paths("a")).toEqual([[], ["/", "/a", "/a/x", "/ax"]]);
    expect(paths("/a*")).toEqual([["/a", "/ax"], ["/"]]);
    expect(paths("*")).toEqual([["/"], []]);
    expect(paths("*b")).toEqual([["/xb"], ["/xbx", "/x"]]);
    expect(paths("/{*}")).toEqual([["/x"], ["/x/y", "/x/x", "/"]]);
  });

  it("asks the values of a header around those that a condition names", () => {
    const header = (values: string) =>
      around(`{ when: [{ key: "request.headers[X]", ${values} }] }`, ({ headers }) => headers.x);
    expect(header("values: [a]")).toEqual([["a"], ["ax", "xa", undefined]]);
    expect(header("values: ['*a']")).toEqual([
      ["xa", "xxa"],
      ["xax", undefined],
    ]);
    expect(header("values: ['*']")).toEqual([["x", "xx"], [undefined]]);
    expect(header("notValues: [a]")).toEqual([["ax", "xa", undefined], ["a"]]);
  });

  it("asks tokens of the issuer that the mesh trusts, with each claim and without it", () => {
    const jwt: KubeObject = {
      ...{ apiVersion: "security.istio.io/v1", kind: "RequestAuthentication" },
      metadata: { name: "jwt", namespace: "default" },
      spec: { ...parse(onService), jwtRules: [{ issuer: "https://issuer.example", audiences: ["lab"] }] },
    };
    const tokens = (rule: string, more: readonly KubeObject[] = [jwt]) => around(rule, ({ claims }) => claims, more);
    const base = { iss: "https://issuer.example", sub: "ambient-lab", aud: "lab" };
    const principal = (value: string) => tokens(`{ from: [{ source: { requestPrincipals: ["${value}"] } }] }`);
    const me = [[{ ...base, sub: "me" }], [{ ...base, sub: "me-other" }, undefined]];
    expect(principal("https://issuer.example/me")).toEqual(me);
    expect(principal("*/me")).toEqual(me);
    expect(principal("*")).toEqual([[base, { ...base, sub: "ambient-lab-other" }], [undefined]]);
    const claim = (key: string, value: string, more?: readonly KubeObject[]) =>
      tokens(`{ when: [{ key: "${key}", values: ["${value}"] }] }`, more);
    expect(claim("request.auth.claims[groups]", "a*")).toEqual([
      ...[
        [
          { ...base, groups: "ax" },
          { ...base, groups: "ax-other" },
        ],
        [undefined],
      ],
    ]);
    expect(claim("request.auth.claims[a][b]", "c")).toEqual([
      ...[[{ ...base, a: { b: "c" } }], [{ ...base, a: { b: "c-other" } }, undefined]],
    ]);
    expect(claim("request.auth.audiences", "own")).toEqual([
      ...[[{ ...base, aud: "own" }], [{ ...base, aud: "own-other" }, undefined]],
    ]);
    expect(claim("request.auth.presenter", "own")[0]).toEqual([{ ...base, azp: "own" }]);
    const bare = { iss: "ambient-lab", sub: "ambient-lab" };
    expect(claim("request.auth.claims[groups]", "a", [])[0]).toEqual([{ ...bare, groups: "a" }]);
    const [both] = tokens(
      '{ when: [{ key: "request.auth.claims[a][b]", values: [x] }, { key: "request.auth.claims[a][c]", values: [y] }] }',
    );
    expect(both).toEqual([{ ...base, a: { b: "x", c: "y" } }]);
    expect(tokens("{ to: [{ operation: { methods: [GET] } }] }")).toEqual([[undefined], [undefined]]);
  });

  it("asks nothing about a policy without rules, or one that is bound to nothing", () => {
    expect(asked(onService).lines).toEqual([]);
    expect(asked("targetRefs: [{ kind: Service, group: '', name: none }]\nrules: [{}]").lines).toEqual([]);
  });
});
