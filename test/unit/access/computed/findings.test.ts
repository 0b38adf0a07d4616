import { beforeAll, describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { type FindingId, findings } from "../../../../access/computed/findings";
import type { Mesh } from "../../../../access/types";
import type { KubeObject } from "../../../../verify/lab-client";
import { declaredLab } from "../../verify/fake/declared";
import { baseObjects, living, meshConfig, meshOf, podOf } from "./living";

let base: readonly KubeObject[];
beforeAll(async () => {
  base = await baseObjects();
}, 60_000);

const objects = (text: string): KubeObject[] =>
  parseAllDocuments(text).map((document) => {
    const object = document.toJS() as KubeObject;
    return { ...object, metadata: { namespace: "default", ...object.metadata } };
  });

const policy = (name: string, spec: string, metadata: KubeObject["metadata"] = {}): KubeObject => ({
  apiVersion: "security.istio.io/v1",
  kind: "AuthorizationPolicy",
  metadata: { name, namespace: "default", ...metadata },
  spec: parse(spec),
});

const onService = "targetRefs: [{ kind: Service, group: '', name: appb }]";
const getOnly = policy("get-only", `${onService}\nrules: [{ to: [{ operation: { methods: [GET] } }] }]`);

/** The lab with these objects, and its Service appb with other labels. */
function meshWith(more: readonly KubeObject[], labels: Readonly<Record<string, string>> = {}): Mesh {
  const relabelled = base.map((object) =>
    object.kind === "Service" && object.metadata?.name === "appb"
      ? { ...object, metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...labels } } }
      : object,
  );
  return meshOf([...relabelled, ...more]);
}

const of = (mesh: Mesh, id: FindingId) => findings(mesh).filter((finding) => finding.id === id);

describe("findings()", () => {
  it("finds nothing but plain text in the lab as its story is, and nothing at all once that is refused", async () => {
    const { objects: declared, patches } = await declaredLab();
    const lab = living([...declared, ...patches]);
    // appa and stranger take plain text: the lab is PERMISSIVE by default.
    expect(findings(meshOf(lab)).map(({ id, object }) => [id, object])).toEqual([["plain-text", "Namespace default"]]);
    const [{ fix } = { fix: "" }] = findings(meshOf(lab));
    expect(findings(meshOf([...lab, applied(fix)]))).toEqual([]);
  });

  it("tells what ztunnel leaves of rules about HTTP", () => {
    const allow = policy(
      "allow",
      "selector: { matchLabels: { app: appb } }\nrules: [{ to: [{ operation: { methods: [GET] } }] }]",
    );
    const deny = policy(
      "deny",
      `selector: { matchLabels: { app: appb } }
action: DENY
rules:
- to: [{ operation: { paths: [/admin] } }]
- to: [{ operation: { ports: ["8080"], methods: [POST] } }]
- from: [{ source: { principals: ["*"] } }]`,
    );
    expect(of(meshWith([allow, deny]), "http-at-ztunnel")).toEqual([
      {
        id: "http-at-ztunnel",
        object: "AuthorizationPolicy default/allow",
        what: "ztunnel enforces this ALLOW policy on default/appb-1, and it has rules about HTTP (methods)",
        why: "ztunnel reads no HTTP and leaves out ALLOW rules about it: nothing is left, and every connection to the pods is refused",
        fix: `kubectl patch authorizationpolicies.security.istio.io allow --namespace default --type merge --patch '{"spec":{"selector":null,"targetRefs":[{"group":"","kind":"Service","name":"appb"}]}}'`,
      },
      {
        id: "http-at-ztunnel",
        object: "AuthorizationPolicy default/deny",
        what: "ztunnel enforces this DENY policy on default/appb-1, and it has rules about HTTP (paths, methods)",
        why: "ztunnel reads no HTTP: 1 of its rules are about HTTP alone, and deny nothing; 1 of its rules deny without their part about HTTP, which is more than they say",
        fix: expect.stringContaining("targetRefs"),
      },
    ]);
  });

  it("gives the Service a waypoint before the policy goes to it", () => {
    const allow = policy(
      "allow",
      "selector: { matchLabels: { app: appa } }\nrules: [{ to: [{ operation: { methods: [GET] } }] }]",
    );
    const [{ fix } = { fix: "" }] = of(meshWith([allow]), "http-at-ztunnel");
    expect(fix).toMatch(
      /^kubectl label services appa --namespace default --overwrite istio\.io\/use-waypoint=waypoint && kubectl patch /,
    );
  });

  it("finds CUSTOM and AUDIT on pods, which ztunnel does not know", () => {
    const audit = policy("audit", "selector: { matchLabels: { app: appb } }\naction: AUDIT\nrules: [{}]");
    expect(of(meshWith([audit]), "action-at-ztunnel").map(({ object }) => object)).toEqual([
      "AuthorizationPolicy default/audit",
    ]);
  });

  it.each([
    [
      "a selector of no pod",
      "selector: { matchLabels: { app: apb } }",
      "no pod of namespace default has the labels app=apb",
    ],
    [
      "a pod outside the mesh",
      "selector: { matchLabels: { app: outsider } }",
      "it selects Pod default/outsider-1, which is outside the mesh",
    ],
    [
      "pods of a waypoint",
      "selector: { matchLabels: { gateway.networking.k8s.io/gateway-name: waypoint } }",
      "its selector selects the pods of waypoint default/waypoint, which has policies by targetRefs alone",
    ],
    ["no such Service", "targetRefs: [{ kind: Service, group: '', name: apb }]", "Service default/apb does not exist"],
    [
      "a Service without a waypoint",
      "targetRefs: [{ kind: Service, group: core, name: appa }]",
      "Service default/appa has no waypoint, which would enforce it",
    ],
    [
      "no such Gateway",
      "targetRefs: [{ kind: Gateway, group: gateway.networking.k8s.io, name: way }]",
      "Gateway default/way does not exist",
    ],
    [
      "a class outside the root namespace",
      "targetRefs: [{ kind: GatewayClass, group: gateway.networking.k8s.io, name: istio-waypoint }]",
      "it names GatewayClass istio-waypoint outside the root namespace istio-system",
    ],
    [
      "another class",
      "targetRefs: [{ kind: GatewayClass, group: gateway.networking.k8s.io, name: istio }]",
      "it names GatewayClass istio: only istio-waypoint can be named as a whole",
    ],
    [
      "the wrong group",
      "targetRefs: [{ kind: Gateway, group: '', name: waypoint }]",
      'it names a Gateway of group "", which is no target of a policy',
    ],
  ])("finds a policy that is bound to nothing: %s", (_, spec, what) => {
    expect(of(meshWith([policy("lost", `${spec}\nrules: [{}]`)]), "bound-to-nothing")).toMatchObject([
      { object: "AuthorizationPolicy default/lost", what },
    ]);
  });

  it("does not call a policy unbound that a gateway, a pod or a waypoint has", () => {
    const bound = [
      getOnly,
      policy(
        "gateway",
        "targetRefs: [{ kind: Gateway, group: gateway.networking.k8s.io, name: gateway }]\nrules: [{}]",
      ),
      policy(
        "gateway-pods",
        "selector: { matchLabels: { gateway.networking.k8s.io/gateway-name: gateway } }\nrules: [{}]",
      ),
      policy("mesh", "rules: [{}]", { namespace: "istio-system" }),
      policy("pods", "selector: { matchLabels: { app: stranger } }\nrules: [{}]"),
    ];
    expect(of(meshWith(bound), "bound-to-nothing")).toEqual([]);
  });

  it("finds a Service whose waypoint a gateway skips, only with policies there", () => {
    const skipping = { "istio.io/ingress-use-waypoint": "false" };
    expect(of(meshWith([], skipping), "gateway-skips-waypoint")).toEqual([]);
    expect(of(meshWith([getOnly]), "gateway-skips-waypoint")).toEqual([]);
    expect(of(meshWith([getOnly], skipping), "gateway-skips-waypoint")).toMatchObject([
      {
        object: "Service default/appb",
        fix: "kubectl label services appb --namespace default --overwrite istio.io/ingress-use-waypoint=true",
      },
    ]);
  });

  it("finds the senders that get past a waypoint, and a policy that ends it whatever else is allowed", () => {
    const open = policy(
      "all",
      "selector: { matchLabels: { app: appb } }\nrules: [{ from: [{ source: { principals: ['*/sa/appa', '*/sa/waypoint'] } }] }]",
    );
    const [around] = of(meshWith([getOnly]), "around-the-waypoint");
    expect(around?.what).toMatch(/past waypoint default\/waypoint from outside the mesh, ServiceAccount default\/appa/);
    const mesh = meshWith([getOnly, open]);
    const [finding] = of(mesh, "around-the-waypoint");
    expect(finding?.what).toBe(
      "its pods take connections past waypoint default/waypoint from ServiceAccount default/appa",
    );
    expect(of(meshWith([getOnly, open, applied(finding?.fix ?? "")]), "around-the-waypoint")).toEqual([]);
  });

  it("finds a route that no policy guards, and a policy that guards it", () => {
    const [finding] = of(meshWith([]), "unguarded-route");
    expect(finding).toMatchObject({ object: "HTTPRoute default/appb" });
    expect(of(meshWith([applied(finding?.fix ?? "")]), "unguarded-route")).toEqual([]);
    expect(of(meshWith([getOnly]), "unguarded-route")).toEqual([]);
    // ztunnel sees the waypoint's identity whoever sends: a policy for that one guards nothing.
    const waypointOnly = policy(
      "only",
      "selector: { matchLabels: { app: appb } }\nrules: [{ from: [{ source: { principals: ['*/sa/waypoint'] } }] }]",
    );
    expect(of(meshWith([waypointOnly]), "unguarded-route")).toHaveLength(1);
    const direct = { "istio.io/ingress-use-waypoint": "false" };
    const [atGateway] = of(meshWith([], direct), "unguarded-route");
    expect(atGateway?.fix).toContain("notMethods");
    expect(of(meshWith([applied(atGateway?.fix ?? "")], direct), "unguarded-route")).toEqual([]);
  });

  it("finds plain text by namespace, and by the PeerAuthentication that leaves it open", () => {
    const [whole] = of(meshWith([]), "plain-text");
    expect(whole).toMatchObject({ object: "Namespace default" });
    expect(of(meshWith([applied(whole?.fix ?? "")]), "plain-text")).toEqual([]);
    const port = objects(`
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: strict }
spec: { mtls: { mode: STRICT } }
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: port }
spec: { selector: { matchLabels: { app: appb } }, mtls: { mode: STRICT }, portLevelMtls: { 8080: { mode: PERMISSIVE } } }`);
    expect(of(meshWith(port), "plain-text")).toMatchObject([{ object: "PeerAuthentication default/port" }]);
    const identities = policy("known", "rules: [{ from: [{ source: { principals: ['*'] } }] }]");
    expect(of(meshWith([identities]), "plain-text")).toEqual([]);
  });

  it("finds dry runs, unknown providers and waypoints that enforce nothing", () => {
    const dry = policy("dry", `${onService}\nrules: [{}]`, { annotations: { "istio.io/dry-run": "true" } });
    const custom = policy("custom", `${onService}\naction: CUSTOM\nprovider: { name: authz }\nrules: [{}]`);
    const mesh = meshWith([dry, custom, meshConfig("extensionProviders: [{ name: other }]")]);
    expect(of(mesh, "dry-run")).toMatchObject([
      { fix: "kubectl annotate authorizationpolicies.security.istio.io dry --namespace default istio.io/dry-run-" },
    ]);
    expect(of(mesh, "unknown-provider")).toMatchObject([
      { what: expect.stringContaining("authz"), fix: expect.stringContaining('"other"') },
    ]);
    expect(of(meshWith([custom, meshConfig("extensionProviders: [{ name: authz }]")]), "unknown-provider")).toEqual([]);
    const agent = base.map((object) =>
      object.kind === "Gateway" && object.metadata?.name === "waypoint"
        ? { ...object, spec: { ...Object(object.spec), gatewayClassName: "istio-agentgateway-waypoint" } }
        : object,
    );
    expect(of(meshOf([...agent, getOnly]), "agentgateway-policies")).toMatchObject([
      { object: "Gateway default/waypoint" },
    ]);
    expect(of(meshOf(agent), "agentgateway-policies")).toEqual([]);
  });

  it("leaves out what depends on kinds that were not read", () => {
    const mesh = { ...meshWith([getOnly]), unread: [{ kind: "Gateway", reason: "forbidden" }] };
    const ids = findings(mesh).map(({ id }) => id);
    expect(ids).not.toContain("around-the-waypoint");
    expect(ids).not.toContain("bound-to-nothing");
    expect(ids).toContain("plain-text");
  });

  it("takes no pod for open that has no port", () => {
    const silent = podOf("default", "silent-1", { app: "silent" }, { containers: [{ name: "x" }] }, true);
    expect(of(meshWith([silent]), "plain-text")[0]?.what).not.toContain("silent");
  });
});

/** The object that a fix of kubectl apply makes. */
function applied(fix: string): KubeObject {
  const text = /^kubectl apply --filename - <<'EOF'\n([\s\S]*)EOF$/.exec(fix)?.[1];
  if (text === undefined) throw new Error(`not a fix that applies an object: ${fix}`);
  return parse(text);
}
