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

  it("reports the remaining rules at ztunnel for rules with HTTP fields", () => {
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

  it("reports the number of remaining rules, and the DENY rules that never match at ztunnel", () => {
    const why = (action: string, rules: string) =>
      of(
        meshWith([policy("p", `selector: { matchLabels: { app: appb } }\naction: ${action}\nrules: [${rules}]`)]),
        "http-at-ztunnel",
      ).map((finding) => finding.why)[0];
    const get = "{ to: [{ operation: { methods: [GET] } }] }";
    const known = "{ from: [{ source: { principals: ['*'] } }] }";
    expect(why("ALLOW", `${get}, ${known}`)).toBe(
      "ztunnel reads no HTTP and leaves out ALLOW rules about it: 1 of 2 rules allow nothing",
    );
    const empty = "ztunnel reads no HTTP: 1 of its rules are about HTTP alone, and deny nothing";
    const wide =
      "ztunnel reads no HTTP: 1 of its rules deny without their part about HTTP, which is more than they say";
    for (const rule of [
      get,
      "{ from: [{ source: { requestPrincipals: ['*'] } }] }",
      "{ to: [{ operation: { methods: [GET], ports: [] } }] }",
      "{ from: [{ source: { principals: ['*'] } }], when: [{ key: 'request.headers[a]', values: [b] }] }",
      "{ to: [{ operation: { methods: [GET] } }], from: [{ source: { principals: ['*'] } }] }",
    ])
      expect([rule, why("DENY", rule)]).toEqual([rule, empty]);
    for (const rule of [
      "{ to: [{ operation: { methods: [GET], ports: ['80'] } }] }",
      "{ to: [{ operation: { methods: [GET] } }, { operation: { ports: ['80'] } }] }",
      "{ from: [{ source: { requestPrincipals: ['*'], principals: ['*'] } }] }",
    ])
      expect([rule, why("DENY", rule)]).toEqual([rule, wide]);
    expect(why("DENY", known)).toBeUndefined();
  });

  it("edits a policy whose pods no Service selects, and makes a waypoint in a namespace without one", () => {
    const lone = podOf("default", "lone-1", { app: "lone" }, { containers: [{ name: "x" }] }, true);
    const rules = "rules: [{ to: [{ operation: { methods: [GET] } }] }]";
    const onLone = policy("allow", `selector: { matchLabels: { app: lone } }\n${rules}`);
    expect(of(meshWith([lone, onLone]), "http-at-ztunnel").map(({ fix }) => fix)).toEqual([
      "kubectl edit authorizationpolicies.security.istio.io allow --namespace default",
    ]);
    const far = podOf("far", "far-1", { app: "far" }, { containers: [{ name: "x" }] }, true);
    const [service] = objects(
      "{ apiVersion: v1, kind: Service, metadata: { name: far, namespace: far }, spec: { selector: { app: far } } }",
    );
    const onFar = policy("allow", `selector: { matchLabels: { app: far } }\n${rules}`, { namespace: "far" });
    expect(of(meshWith([far, onFar, ...(service ? [service] : [])]), "http-at-ztunnel").map(({ fix }) => fix)).toEqual([
      expect.stringMatching(
        /^istioctl waypoint apply --namespace far --name waypoint && kubectl label services far --namespace far --overwrite istio\.io\/use-waypoint=waypoint && kubectl patch /,
      ),
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
    const ofAction = (action: string, object: string) => ({
      ...{ id: "action-at-ztunnel", object },
      what: `this ${action} policy selects default/appb-1, whose ztunnel does not support the action`,
      why: "ztunnel enforces ALLOW and DENY policies alone, so that the policy has no effect there",
      fix: expect.stringContaining('"name":"appb"'),
    });
    const custom = policy("custom", "selector: { matchLabels: { app: appb } }\naction: CUSTOM\nrules: [{}]");
    expect(of(meshWith([custom, audit]), "action-at-ztunnel")).toEqual([
      ofAction("AUDIT", "AuthorizationPolicy default/audit"),
      ofAction("CUSTOM", "AuthorizationPolicy default/custom"),
    ]);
    const dry = { ...audit, metadata: { ...audit.metadata, annotations: { "istio.io/dry-run": "true" } } };
    expect(of(meshWith([dry]), "action-at-ztunnel")).toEqual([]);
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
      "kubectl label namespace default --overwrite istio.io/dataplane-mode=ambient",
    ],
    [
      "pods of a waypoint",
      "selector: { matchLabels: { gateway.networking.k8s.io/gateway-name: waypoint } }",
      "its selector selects the pods of waypoint default/waypoint, which has policies by targetRefs alone",
      `kubectl patch authorizationpolicies.security.istio.io lost --namespace default --type merge --patch '{"spec":{"selector":null,"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"waypoint"}]}}'`,
    ],
    ["no such Service", "targetRefs: [{ kind: Service, group: '', name: apb }]", "Service default/apb does not exist"],
    [
      "a Service without a waypoint",
      "targetRefs: [{ kind: Service, group: core, name: appa }]",
      "Service default/appa has no waypoint, which would enforce it",
      "kubectl label services appa --namespace default --overwrite istio.io/use-waypoint=waypoint",
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
      "kubectl get authorizationpolicies.security.istio.io lost --namespace default --output yaml | sed 's/^  namespace: default$/  namespace: istio-system/;/^  \\(uid\\|resourceVersion\\|creationTimestamp\\|generation\\):/d;/^status:/,$d' | kubectl create --filename -",
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
    [
      "no such ServiceEntry",
      "targetRefs: [{ kind: ServiceEntry, group: networking.istio.io, name: none }]",
      "ServiceEntry default/none does not exist",
    ],
    [
      "a Gateway of a class that does not exist",
      "targetRefs: [{ kind: Gateway, group: gateway.networking.k8s.io, name: nginx }]",
      "GatewayClass nginx of Gateway default/nginx does not exist",
      "kubectl edit gateways.gateway.networking.k8s.io nginx --namespace default",
    ],
    [
      "a Service of another namespace",
      "targetRefs: [{ kind: Service, group: '', name: appb, namespace: other }]",
      "it names Service appb of another namespace",
    ],
    [
      "a Service without an address",
      "targetRefs: [{ kind: Service, group: '', name: headless }]",
      "Service default/headless has no address of its own, so that no caller goes through its waypoint",
      "kubectl edit services headless --namespace default",
    ],
    [
      "a Service whose waypoint refuses it",
      "targetRefs: [{ kind: Service, group: '', name: refused }]",
      "Service default/refused has no waypoint, which would enforce it: waypoint default/gone does not exist",
      "kubectl label services refused --namespace default --overwrite istio.io/use-waypoint=waypoint",
    ],
    ["a namespace without pods", "action: ALLOW", "namespace empty has no pod", undefined, "empty"],
    [
      "a selector of no pod of the mesh",
      "selector: { matchLabels: { app: apb, v: '1' } }",
      "no pod of the mesh has the labels app=apb,v=1",
      undefined,
      "istio-system",
    ],
  ])("finds a policy that is bound to nothing: %s", (_, spec, what, fix?: string, namespace = "default") => {
    const more = objects(`
{ apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: { name: nginx }, spec: { gatewayClassName: nginx } }
---
{ apiVersion: v1, kind: Service, metadata: { name: headless, labels: { istio.io/use-waypoint: waypoint } }, spec: { clusterIP: None } }
---
{ apiVersion: v1, kind: Service, metadata: { name: refused, labels: { istio.io/use-waypoint: gone } }, spec: {} }
---
{ apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: { name: entry }, spec: {} }`);
    const lost = policy("lost", `${spec}\nrules: [{}]`, { namespace });
    expect(of(meshWith([...more, lost]), "bound-to-nothing")).toEqual([
      {
        ...{ id: "bound-to-nothing", object: `AuthorizationPolicy ${namespace}/lost`, what },
        why: "no proxy enforces a policy that is bound to nothing, although the cluster accepts it",
        fix: fix ?? `kubectl edit authorizationpolicies.security.istio.io lost --namespace ${namespace}`,
      },
    ]);
  });

  it("finds a RequestAuthentication on pods whose ztunnel reads no tokens", () => {
    const jwt = (spec: string): KubeObject => ({ ...policy("jwt", spec), kind: "RequestAuthentication" });
    expect(of(meshWith([jwt("selector: { matchLabels: { app: appb } }")]), "bound-to-nothing")).toMatchObject([
      {
        what: "it selects default/appb-1 and other pods without a gateway, whose ztunnel reads no tokens",
        fix: "kubectl edit requestauthentications.security.istio.io jwt --namespace default",
      },
    ]);
    const gateway = "selector: { matchLabels: { gateway.networking.k8s.io/gateway-name: gateway } }";
    expect(of(meshWith([jwt(gateway)]), "bound-to-nothing")).toEqual([]);
    const byHand = podOf("default", "hand-1", { app: "hand" }, { containers: [{ name: "istio-proxy" }] }, false);
    expect(of(meshWith([byHand, jwt("selector: { matchLabels: { app: hand } }")]), "bound-to-nothing")).toEqual([]);
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
    expect(of(meshWith([getOnly], skipping), "gateway-skips-waypoint")).toEqual([
      {
        ...{ id: "gateway-skips-waypoint", object: "Service default/appb" },
        what: "Gateway default/gateway sends the requests of HTTPRoute default/appb to its pods, past waypoint default/waypoint",
        why: "AuthorizationPolicy default/get-only does not apply to requests through the gateway",
        fix: "kubectl label services appb --namespace default --overwrite istio.io/ingress-use-waypoint=true",
      },
    ]);
  });

  it("does not call a policy a gateway skips one that refuses nothing, and calls a RequestAuthentication one", () => {
    const skipping = { "istio.io/ingress-use-waypoint": "false" };
    const audit = policy("audit", `${onService}\naction: AUDIT\nrules: [{}]`);
    const dry = policy("dry", `${onService}\naction: DENY\nrules: [{}]`, {
      annotations: { "istio.io/dry-run": "true" },
    });
    expect(of(meshWith([audit, dry], skipping), "gateway-skips-waypoint")).toEqual([]);
    const jwt = { ...policy("jwt", `${onService}\njwtRules: [{ issuer: x }]`), kind: "RequestAuthentication" };
    expect(of(meshWith([getOnly, jwt], skipping), "gateway-skips-waypoint")).toMatchObject([
      {
        why: "AuthorizationPolicy default/get-only, RequestAuthentication default/jwt do not apply to requests through the gateway",
      },
    ]);
  });

  it("knows the routes that lead through a gateway to a Service", () => {
    const skipping = { "istio.io/ingress-use-waypoint": "false" };
    const without = meshWith([getOnly], skipping).objects.filter(({ kind }) => kind !== "HTTPRoute");
    const through = (parent: string, backend: string) => {
      const [route] = objects(
        `{ apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: { name: r }, spec: { parentRefs: [${parent}], rules: [{ backendRefs: [${backend}] }] } }`,
      );
      return of(meshOf([...without, ...(route ? [route] : [])]), "gateway-skips-waypoint").length;
    };
    for (const parent of ["{ name: gateway }", "{ name: gateway, namespace: default, kind: Gateway }"])
      for (const backend of ["{ name: appb }", "{ name: x }, { name: appb, namespace: default, kind: Service }"])
        expect(through(parent, backend)).toBe(1);
    for (const parent of ["{ name: other }", "{ name: gateway, namespace: other }", "{ name: gateway, kind: Service }"])
      expect(through(parent, "{ name: appb }")).toBe(0);
    for (const backend of ["{ name: appa }", "{ name: appb, namespace: other }", "{ name: appb, kind: Pool }"])
      expect(through("{ name: gateway }", backend)).toBe(0);
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
    expect(finding).toEqual({
      ...{ id: "around-the-waypoint", object: "Service default/appb" },
      what: "its pods take connections past waypoint default/waypoint from ServiceAccount default/appa",
      why: "AuthorizationPolicy default/get-only applies at the waypoint alone, and requests to a pod's address, or from outside the mesh, do not go through it",
      fix: expect.stringContaining("kubectl apply"),
    });
    expect(applied(finding?.fix ?? "")).toEqual({
      ...{ apiVersion: "security.istio.io/v1", kind: "AuthorizationPolicy" },
      metadata: { name: "appb-waypoint-only", namespace: "default" },
      spec: {
        ...{ selector: { matchLabels: { app: "appb" } }, action: "DENY" },
        rules: [{ from: [{ source: { notPrincipals: ["cluster.local/ns/default/sa/waypoint"] } }] }],
      },
    });
    // A pod that gets no requests, that is outside the mesh or that has a proxy of its own is no way around.
    const appb = (change: (pod: KubeObject) => KubeObject) =>
      meshOf(mesh.objects.map((each) => (each.metadata?.name === "appb-1" ? change(each) : each)));
    for (const other of [
      appb((pod) => ({ ...pod, status: {} })),
      appb((pod) => ({ ...pod, metadata: { ...pod.metadata, annotations: {} } })),
      appb((pod) => ({
        ...pod,
        metadata: { ...pod.metadata, annotations: { ...pod.metadata?.annotations, "sidecar.istio.io/status": "{}" } },
      })),
    ])
      expect(of(other, "around-the-waypoint")).toEqual([]);
    expect(of(meshWith([getOnly, open, applied(finding?.fix ?? "")]), "around-the-waypoint")).toEqual([]);
  });

  it("finds a route that no policy guards, and a policy that guards it", () => {
    const [finding] = of(meshWith([]), "unguarded-route");
    expect(finding).toEqual({
      ...{ id: "unguarded-route", object: "HTTPRoute default/appb" },
      what: "Gateway default/gateway lets every request of this route through to Service default/appb",
      why: "no AuthorizationPolicy applies at the gateway, at the waypoint or at the pods: clients from outside may send any method to any path",
      fix: expect.stringContaining("kubectl apply"),
    });
    expect(applied(finding?.fix ?? "")).toEqual({
      ...{ apiVersion: "security.istio.io/v1", kind: "AuthorizationPolicy" },
      metadata: { name: "appb-get-only", namespace: "default" },
      spec: {
        ...{ targetRefs: [{ group: "", kind: "Service", name: "appb" }], action: "ALLOW" },
        rules: [{ to: [{ operation: { methods: ["GET"] } }] }],
      },
    });
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
    expect(applied(atGateway?.fix ?? "")).toEqual({
      ...{ apiVersion: "security.istio.io/v1", kind: "AuthorizationPolicy" },
      metadata: { name: "appb-get-only", namespace: "default" },
      spec: {
        targetRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "gateway" }],
        action: "DENY",
        rules: [{ to: [{ operation: { hosts: ["appb.opssec.in", "appb.opssec.in:*"], notMethods: ["GET"] } }] }],
      },
    });
    expect(of(meshWith([applied(atGateway?.fix ?? "")], direct), "unguarded-route")).toEqual([]);
  });

  it("finds plain text by namespace, and by the PeerAuthentication that leaves it open", () => {
    const [whole] = of(meshWith([]), "plain-text");
    const why =
      "a client outside the mesh, or a pod that left it, sends without an identity: ztunnel cannot tell who it is, and nothing is encrypted";
    expect(whole).toEqual({
      ...{ id: "plain-text", object: "Namespace default", why },
      what: "no PeerAuthentication is STRICT for appa-1, appb-1, stranger-1, which take plain text",
      fix: expect.stringContaining("kubectl apply"),
    });
    expect(applied(whole?.fix ?? "")).toEqual({
      ...{ apiVersion: "security.istio.io/v1", kind: "PeerAuthentication" },
      ...{ metadata: { name: "default", namespace: "default" }, spec: { mtls: { mode: "STRICT" } } },
    });
    const containers = [{ name: "x", ports: [{ containerPort: 80 }] }];
    const more = ["d", "e"].map((name) => podOf("default", `${name}-1`, { app: name }, { containers }, true));
    expect(of(meshWith(more), "plain-text")[0]?.what).toBe(
      "no PeerAuthentication is STRICT for appa-1, appb-1, stranger-1 and 2 more pods, which take plain text",
    );
    const [permissive] = objects(
      "{ apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: { name: own }, spec: { mtls: { mode: PERMISSIVE } } }",
    );
    expect(of(meshWith(permissive ? [permissive] : []), "plain-text")).toEqual([
      {
        ...{ id: "plain-text", object: "PeerAuthentication default/own", why },
        what: "its mode is PERMISSIVE, so that appa-1, appb-1, stranger-1 take plain text",
        fix: `kubectl patch peerauthentications.security.istio.io own --namespace default --type merge --patch '{"spec":{"mtls":{"mode":"STRICT"}}}'`,
      },
    ]);
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
    expect(of(meshWith(port), "plain-text")).toEqual([
      {
        ...{ id: "plain-text", object: "PeerAuthentication default/port", why },
        what: "it leaves ports of appb-1 open to plain text",
        fix: `kubectl patch peerauthentications.security.istio.io port --namespace default --type merge --patch '{"spec":{"mtls":{"mode":"STRICT"},"portLevelMtls":null}}'`,
      },
    ]);
    const identities = policy("known", "rules: [{ from: [{ source: { principals: ['*'] } }] }]");
    expect(of(meshWith([identities]), "plain-text")).toEqual([]);
  });

  it("finds dry runs, unknown providers and waypoints that enforce nothing", () => {
    const dry = policy("dry", `${onService}\nrules: [{}]`, { annotations: { "istio.io/dry-run": "true" } });
    const custom = policy("custom", `${onService}\naction: CUSTOM\nprovider: { name: authz }\nrules: [{}]`);
    const mesh = meshWith([dry, custom, meshConfig("extensionProviders: [{ name: other }]")]);
    expect(of(mesh, "dry-run")).toEqual([
      {
        ...{ id: "dry-run", object: "AuthorizationPolicy default/dry", what: "this ALLOW policy is a dry run" },
        why: "proxies count what it would refuse, and refuse nothing",
        fix: "kubectl annotate authorizationpolicies.security.istio.io dry --namespace default istio.io/dry-run-",
      },
    ]);
    const what = "its provider authz is not among the extensionProviders of the MeshConfig";
    const edit = "kubectl edit configmaps istio --namespace istio-system";
    expect(of(mesh, "unknown-provider")).toEqual([
      {
        ...{ id: "unknown-provider", object: "AuthorizationPolicy default/custom", what: `${what} (other)` },
        why: "istiod cannot ask such a provider, and denies every request that the rules match",
        fix: `kubectl patch authorizationpolicies.security.istio.io custom --namespace default --type merge --patch '{"spec":{"provider":{"name":"other"}}}'`,
      },
    ]);
    expect(
      of(meshWith([custom, meshConfig("extensionProviders: [{ name: a }, { name: b }]")]), "unknown-provider"),
    ).toMatchObject([{ what: `${what} (a, b)`, fix: edit }]);
    expect(of(meshWith([custom]), "unknown-provider")).toMatchObject([{ what, fix: edit }]);
    expect(of(meshWith([custom, meshConfig("extensionProviders: [{ name: authz }]")]), "unknown-provider")).toEqual([]);
    const agent = base.map((object) =>
      object.kind === "Gateway" && object.metadata?.name === "waypoint"
        ? { ...object, spec: { ...Object(object.spec), gatewayClassName: "istio-agentgateway-waypoint" } }
        : object,
    );
    expect(of(meshOf([...agent, getOnly]), "agentgateway-policies")).toEqual([
      {
        ...{ id: "agentgateway-policies", object: "Gateway default/waypoint" },
        what: "this waypoint is of class istio-agentgateway-waypoint, and has AuthorizationPolicy default/get-only",
        why: "istiod writes AuthorizationPolicies for waypoints of its own class alone: such a proxy accepts them and enforces none",
        fix: `kubectl patch gateways.gateway.networking.k8s.io waypoint --namespace default --type merge --patch '{"spec":{"gatewayClassName":"istio-waypoint"}}'`,
      },
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
