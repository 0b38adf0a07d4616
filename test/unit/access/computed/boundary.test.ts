import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { boundaryRequests } from "../../../../access/computed/boundary";
import { computeDecision } from "../../../../access/computed/decide";
import type { Mesh } from "../../../../access/types";
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

  it("asks nothing about a policy without rules, or one that is bound to nothing", () => {
    expect(asked(onService).lines).toEqual([]);
    expect(asked("targetRefs: [{ kind: Service, group: '', name: none }]\nrules: [{}]").lines).toEqual([]);
  });
});
