import { beforeAll, describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { computeDecision } from "../../../../access/computed/decide";
import type { AccessDecision, AccessRequest, Mesh } from "../../../../access/types";
import type { KubeObject } from "../../../../verify/lab-client";
import { baseObjects, meshConfig, meshOf, podOf } from "./living";
import { request } from "./policy-sets";

let base: readonly KubeObject[];
beforeAll(async () => {
  base = await baseObjects();
}, 60_000);

const objects = (text: string): KubeObject[] =>
  parseAllDocuments(text).map((document) => {
    const object = document.toJS() as KubeObject;
    return { ...object, metadata: { namespace: "default", ...object.metadata } };
  });

const policy = (name: string, spec: string): KubeObject => ({
  apiVersion: "security.istio.io/v1",
  kind: "AuthorizationPolicy",
  metadata: { name, namespace: "default" },
  spec: parse(spec),
});

/** The lab's objects, one of them changed. */
const changed = (kind: string, name: string, change: (object: KubeObject) => KubeObject): KubeObject[] =>
  base.map((object) => (object.kind === kind && object.metadata?.name === name ? change(object) : object));

const withLabels =
  (labels: Readonly<Record<string, string>>, annotations = {}) =>
  (object: KubeObject) => ({
    ...object,
    metadata: {
      ...object.metadata,
      labels: { ...object.metadata?.labels, ...labels },
      annotations: { ...object.metadata?.annotations, ...annotations },
    },
  });

const withSpec = (spec: Readonly<Record<string, unknown>>) => (object: KubeObject) => ({
  ...object,
  spec: { ...Object(object.spec), ...spec },
});

const appa = request("appa");
const onService = "targetRefs: [{ kind: Service, group: '', name: appb }]";
const onPods = "selector: { matchLabels: { app: appb } }";

describe("computeDecision() where the objects do not determine the result", () => {
  const cases: [string, () => Mesh, AccessRequest, string][] = [
    [
      "a pod with a sidecar",
      () => meshOf(changed("Pod", "appb-1", withLabels({}, { "sidecar.istio.io/status": "{}" }))),
      appa,
      "Pod default/appb-1 has a proxy of its own, whose rules are not computed",
    ],
    [
      "a sender with a sidecar",
      () => meshOf(changed("Pod", "outsider-1", withLabels({}, { "sidecar.istio.io/status": "{}" }))),
      request("outsider"),
      "the sender has a proxy of its own, which may prove an identity",
    ],
    [
      "a ServiceEntry",
      () =>
        meshOf([
          ...base,
          ...objects(
            "{ apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: { name: partner }, spec: { hosts: [partner.example] } }",
          ),
        ]),
      { ...appa, to: { kind: "service", service: { namespace: "default", name: "partner" }, port: 80 } },
      "ServiceEntry default/partner is not a Service of the cluster",
    ],
    [
      "a backend that is not a Service",
      () =>
        meshOf([
          ...base,
          ...objects(
            "{ apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: { name: pool }, spec: { parentRefs: [{ name: gateway }], hostnames: [pool.opssec.in], rules: [{ backendRefs: [{ group: inference.networking.k8s.io, kind: InferencePool, name: p }] }] } }",
          ),
        ]),
      request("gateway", { host: "pool.opssec.in" }),
      "HTTPRoute default/pool leads to an object of kind InferencePool",
    ],
    [
      "a waypoint of another class",
      () => meshOf(changed("Gateway", "waypoint", withSpec({ gatewayClassName: "istio-agentgateway-waypoint" }))),
      appa,
      "waypoint default/waypoint is of class istio-agentgateway-waypoint: what such a proxy does is not computed",
    ],
    [
      "a gateway of another class",
      () => meshOf(changed("Gateway", "gateway", withSpec({ gatewayClassName: "nginx" }))),
      request("gateway"),
      "Gateway default/gateway is of class nginx: what such a proxy does is not computed",
    ],
    [
      "a gateway that was deployed by hand",
      () =>
        meshOf(
          changed(
            "Gateway",
            "gateway",
            withSpec({ addresses: [{ type: "Hostname", value: "ingress.istio-system.svc" }] }),
          ),
        ),
      request("gateway"),
      "Gateway default/gateway uses a proxy that was deployed by hand",
    ],
    [
      "a WasmPlugin on the Service",
      () =>
        meshOf([
          ...base,
          ...objects(
            `{ apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: { name: w }, spec: { targetRefs: [{ kind: Service, group: "", name: appb }] } }`,
          ),
        ]),
      appa,
      "WasmPlugin default/w changes the waypoint default/waypoint",
    ],
    [
      "an EnvoyFilter for all gateways of the namespace",
      () =>
        meshOf([
          ...base,
          ...objects(
            "{ apiVersion: networking.istio.io/v1alpha3, kind: EnvoyFilter, metadata: { name: all }, spec: { configPatches: [] } }",
          ),
        ]),
      request("gateway"),
      "EnvoyFilter default/all changes the gateway default/gateway",
    ],
    [
      "a NetworkPolicy on the pods",
      () =>
        meshOf([
          ...base,
          ...objects(
            "{ apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: { name: closed }, spec: { podSelector: {} } }",
          ),
        ]),
      request("outsider"),
      "NetworkPolicy default/closed restricts what Pod default/appb-1 gets",
    ],
    [
      "a NetworkPolicy on the sender",
      () =>
        meshOf([
          ...base,
          ...objects(
            "{ apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: { name: out }, spec: { podSelector: { matchLabels: { app: appa } }, policyTypes: [Egress] } }",
          ),
        ]),
      appa,
      "NetworkPolicy default/out restricts what the sender sends",
    ],
    [
      "a canary waypoint",
      () =>
        meshOf(
          changed(
            "Service",
            "appb",
            withLabels({ "istio.io/use-waypoint-canary": "next" }, { "istio.io/use-waypoint-canary-weight": "10" }),
          ),
        ),
      appa,
      "a share of the requests goes to the canary waypoint next",
    ],
    [
      "a DestinationRule that changes the tunnel",
      () =>
        meshOf([
          ...base,
          ...objects(
            "{ apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: { name: tls }, spec: { host: appb, trafficPolicy: { tls: { mode: SIMPLE } } } }",
          ),
        ]),
      appa,
      "DestinationRule default/tls changes the TLS of connections to appb.default.svc.cluster.local",
    ],
    [
      "istiod with another way to bind policies",
      () =>
        meshOf([
          ...base,
          ...objects(
            "{ apiVersion: apps/v1, kind: Deployment, metadata: { name: istiod, namespace: istio-system }, spec: { template: { spec: { containers: [{ name: discovery, env: [{ name: PILOT_AUTO_ALLOW_WAYPOINT_POLICY, value: 'true' }] }] } } } }",
          ),
        ]),
      appa,
      "istiod runs with PILOT_AUTO_ALLOW_WAYPOINT_POLICY=true, which changes how policies bind",
    ],
    [
      "a Service without a selector",
      () => meshOf(changed("Service", "appb", withSpec({ selector: {} }))),
      request("outsider"),
      "Service default/appb has no selector: its endpoints are not known",
    ],
    [
      "routes of two kinds",
      () =>
        meshOf([
          ...base,
          ...objects(`
{ apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: { name: v }, spec: { hosts: [appb], http: [{ route: [{ destination: { host: appb } }] }] } }
---
{ apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: { name: h }, spec: { parentRefs: [{ kind: Service, group: "", name: appb }], rules: [{ backendRefs: [{ name: appb, port: 8000 }] }] } }`),
        ]),
      appa,
      "Service default/appb has routes of VirtualServices and of HTTPRoutes, which Istio does not define",
    ],
    [
      "endpoints under different policies",
      () =>
        meshOf([
          ...base,
          podOf(
            "default",
            "appb-2",
            { app: "appb", version: "2" },
            { containers: [{ name: "httpbin", ports: [{ name: "http", containerPort: 8080 }] }] },
            true,
          ),
          policy("second", "selector: { matchLabels: { version: '2' } }\naction: DENY\nrules: [{}]"),
        ]),
      appa,
      expect.stringMatching(/^it depends on the endpoint: allowed \(.*\), or denied by ztunnel \(.*\)$/),
    ],
    [
      "an escaped path with an unread MeshConfig",
      () =>
        meshOf([
          ...base,
          policy("p", `${onService}\nrules: [{ to: [{ operation: { paths: [/a] } }] }]`),
          { kind: "ConfigMap", metadata: { name: "other", namespace: "default" } },
        ]),
      request("appa", { path: "//a" }),
      "AuthorizationPolicy default/p: the path //a depends on pathNormalization of the MeshConfig, which was not read",
    ],
  ];

  it.each(cases)("%s", (_, mesh, asked, because) => {
    expect(computeDecision(mesh(), asked)).toMatchObject({ outcome: "unknown", because });
  });

  it.each([
    ["AuthorizationPolicy", request("outsider")],
    ["PeerAuthentication", request("outsider")],
    ["Gateway", appa],
    ["RequestAuthentication", appa],
    ["EnvoyFilter", appa],
    ["VirtualService", appa],
    ["HTTPRoute", request("gateway")],
    ["ReferenceGrant", request("gateway")],
  ])("%s objects that could not be read", (kind, asked) => {
    expect(computeDecision(meshOf(base, { unread: [{ kind, reason: "forbidden" }] }), asked)).toMatchObject({
      outcome: "unknown",
      because: `${kind} objects could not be read (forbidden)`,
    });
  });

  it("decides without what was not read where the request does not depend on it", () => {
    const unread = [
      { kind: "EnvoyFilter", reason: "forbidden" },
      { kind: "HTTPRoute", reason: "forbidden" },
    ];
    expect(computeDecision(meshOf(base, { unread }), request("outsider"))).toMatchObject({ outcome: "allowed" });
    expect(computeDecision(meshOf(base, { unread }), request("appa", {}, "appb's pod"))).toMatchObject({
      outcome: "allowed",
    });
  });
});

describe("computeDecision() on the way of a request", () => {
  const outcome = (mesh: Mesh, asked: AccessRequest): Partial<AccessDecision> => {
    const { outcome, by, because } = computeDecision(mesh, asked);
    return { outcome, because, ...(by ? { by } : {}) };
  };

  it("says that nothing answers where no endpoint is ready and nothing refuses first", () => {
    const down = changed("Pod", "appb-1", (pod) => ({ ...pod, status: { ...Object(pod.status), conditions: [] } }));
    expect(outcome(meshOf(down), appa)).toEqual({
      outcome: "unreachable",
      because: "Service default/appb has no ready endpoint",
    });
    const refusing = policy("none", onService);
    expect(outcome(meshOf([...down, refusing]), appa)).toMatchObject({ outcome: "denied", by: "waypoint" });
  });

  it("says that nothing answers where the waypoint is down, and goes without one that has no address", () => {
    const none = policy("none", onService);
    const down = changed("Pod", "waypoint-1", (pod) => ({ ...pod, status: { phase: "Pending" } }));
    expect(outcome(meshOf([...down, none]), appa)).toEqual({
      outcome: "unreachable",
      because: "waypoint default/waypoint has no ready pod",
    });
    const early = changed("Gateway", "waypoint", (gateway) => ({ ...gateway, status: {} }));
    expect(outcome(meshOf([...early, none]), appa)).toMatchObject({ outcome: "allowed" });
    expect(outcome(meshOf([...early, none]), request("gateway"))).toMatchObject({ outcome: "allowed" });
  });

  it("says that nothing answers at a port or a Service that does not exist", () => {
    expect(
      outcome(meshOf(base), {
        ...appa,
        to: { kind: "service", service: { namespace: "default", name: "none" }, port: 1 },
      }),
    ).toEqual({
      outcome: "unreachable",
      because: "Service default/none does not exist",
    });
    expect(
      outcome(meshOf(base), {
        ...appa,
        to: { kind: "service", service: { namespace: "default", name: "appb" }, port: 1 },
      }),
    ).toEqual({
      outcome: "unreachable",
      because: "Service default/appb has no TCP port 1",
    });
  });

  it("applies no policy to a pod outside the mesh", () => {
    const outside = changed("Pod", "appb-1", (pod) => ({ ...pod, metadata: { ...pod.metadata, annotations: {} } }));
    const mesh = meshOf([...outside, policy("none", onPods)]);
    expect(outcome(mesh, request("appa", {}, "appb's pod"))).toMatchObject({ outcome: "allowed" });
    expect(outcome(mesh, request("outsider"))).toMatchObject({ outcome: "allowed" });
  });

  // istio 1.31: pilot/pkg/networking/core/listener_waypoint.go; model.go: an ALLOW rule with HTTP is left out, a DENY rule loses it.
  it("reads no HTTP on a port that is declared TCP, whose waypoint applies the rest of the rules", () => {
    const tcp = changed("Service", "appb", withSpec({ ports: [{ name: "tcp-app", port: 8000, targetPort: 8080 }] }));
    const allow = policy("allow", `${onService}\nrules: [{ to: [{ operation: { methods: [GET] } }] }]`);
    expect(outcome(meshOf([...tcp, allow]), appa)).toMatchObject({ outcome: "denied", by: "waypoint" });
    const deny = policy(
      "deny",
      `${onService}\naction: DENY\nrules: [{ from: [{ source: { serviceAccounts: [appa] } }], to: [{ operation: { methods: [POST] } }] }]`,
    );
    expect(outcome(meshOf([...tcp, deny]), appa)).toMatchObject({ outcome: "denied", by: "waypoint" });
    expect(outcome(meshOf([...tcp, deny]), request("stranger"))).toMatchObject({ outcome: "allowed" });
  });

  // ztunnel 1.31: src/proxy/outbound.rs (build_request): a waypoint for pods is for requests to their addresses.
  it("goes through a waypoint for workloads to a pod's address, and past one for Services", () => {
    const none = policy("none", "targetRefs: [{ kind: Gateway, group: gateway.networking.k8s.io, name: waypoint }]");
    const toPod = request("appa", {}, "appb's pod");
    expect(outcome(meshOf([...base, none]), toPod)).toMatchObject({ outcome: "allowed" });
    const all = changed("Gateway", "waypoint", withLabels({ "istio.io/waypoint-for": "all" })).map((object) =>
      object.kind === "Pod" && object.metadata?.name === "appb-1"
        ? withLabels({ "istio.io/use-waypoint": "waypoint" })(object)
        : object,
    );
    expect(computeDecision(meshOf([...all, none]), toPod)).toMatchObject({
      ...{ outcome: "denied", by: "waypoint", policy: "AuthorizationPolicy default/none" },
      waypoint: { namespace: "default", name: "waypoint" },
    });
    expect(outcome(meshOf([...all, none]), request("outsider", {}, "appb's pod"))).toMatchObject({
      outcome: "allowed",
    });
  });

  // istio 1.31: pilot/pkg/serviceregistry/ambient/waypoints.go (GetUseWaypoint, AllowsAttachmentFromNamespaceOrLookup).
  it("finds a waypoint by the namespace's label, and one of another namespace only where it admits the Service's", () => {
    const bare = base.flatMap((object): KubeObject[] => {
      if (object.kind === "Namespace" && object.metadata?.name === "default")
        return [
          {
            ...object,
            metadata: {
              name: "default",
              labels: {
                "istio.io/dataplane-mode": "ambient",
                "istio.io/use-waypoint": "waypoint",
                "istio.io/ingress-use-waypoint": "true",
              },
            },
          },
        ];
      if (object.kind === "Service" && object.metadata?.name === "appb")
        return [{ ...object, metadata: { name: "appb", namespace: "default" } }];
      return [object];
    });
    const none = policy("none", onService);
    expect(computeDecision(meshOf([...bare, none]), appa)).toMatchObject({ outcome: "denied", by: "waypoint" });
    expect(computeDecision(meshOf([...bare, none]), request("gateway"))).toMatchObject({
      outcome: "denied",
      by: "waypoint",
    });

    const far = (from: string) => [
      ...changed(
        "Service",
        "appb",
        withLabels({ "istio.io/use-waypoint": "shared", "istio.io/use-waypoint-namespace": "infra" }),
      ),
      ...objects(`
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: shared, namespace: infra }
spec: { gatewayClassName: istio-waypoint, listeners: [{ name: mesh, port: 15008, protocol: HBONE, allowedRoutes: { namespaces: ${from} } }] }
status: { addresses: [{ type: IPAddress, value: 10.96.0.99 }] }`),
      podOf(
        "infra",
        "shared-1",
        { "gateway.networking.k8s.io/gateway-name": "shared" },
        { serviceAccountName: "shared" },
        false,
      ),
      policy("none", onService),
      policy(
        "shared-only",
        `${onPods}\nrules: [{ from: [{ source: { principals: [cluster.local/ns/infra/sa/shared] } }] }]`,
      ),
    ];
    expect(computeDecision(meshOf(far("{ from: Same }")), appa)).toMatchObject({ outcome: "denied", by: "ztunnel" });
    expect(computeDecision(meshOf(far("{ from: All }")), appa)).toMatchObject({
      outcome: "denied",
      by: "waypoint",
      policy: "AuthorizationPolicy default/none",
    });
    const selector =
      "{ from: Selector, selector: { matchExpressions: [{ key: kubernetes.io/metadata.name, operator: In, values: [default] }] } }";
    expect(computeDecision(meshOf(far(selector)), appa)).toMatchObject({ outcome: "denied", by: "waypoint" });
  });

  it("goes to the pods of a headless Service, at the port that the client names", () => {
    const headless = changed("Service", "appb", withSpec({ clusterIP: "None" }));
    const mesh = meshOf([
      ...headless,
      policy("none", onService),
      policy("port", `${onPods}\naction: DENY\nrules: [{ to: [{ operation: { ports: ["8000"] } }] }]`),
    ]);
    expect(computeDecision(mesh, appa)).toMatchObject({
      outcome: "denied",
      by: "ztunnel",
      policy: "AuthorizationPolicy default/port",
    });
  });

  it("names no policy where several could have decided", () => {
    const some = [
      policy("a", `${onPods}\naction: DENY\nrules: [{}]`),
      policy("b", `${onPods}\naction: DENY\nrules: [{}]`),
    ];
    const decision = computeDecision(meshOf([...base, ...some]), request("outsider"));
    expect(decision).toMatchObject({
      outcome: "denied",
      because: "AuthorizationPolicy default/a, AuthorizationPolicy default/b deny it at ztunnel",
    });
    expect(decision.policy).toBeUndefined();
    const strict = objects(
      "{ apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: { name: s }, spec: { mtls: { mode: STRICT } } }",
    );
    expect(computeDecision(meshOf([...base, ...strict, ...some]), request("outsider")).policy).toBeUndefined();
  });

  // istio 1.31: pilot/pkg/model/policyattachment.go (matchesGroupKind). istiod's webhook refuses such a policy, where it is reached
  // (pkg/config/validation/validation.go).
  it("binds no policy to a Service by another group", () => {
    const target = "targetRefs: [{ kind: Service, group: gateway.networking.k8s.io, name: appb }]";
    const other = policy("other", `${target}\naction: DENY\nrules: [{}]`);
    expect(computeDecision(meshOf([...base, other]), request("appa")).outcome).toBe("allowed");
  });

  // istio.io: docs/reference/config/security/normalization
  it.each([
    ["NONE", "/x/../admin", "allowed"],
    ["BASE", "admin", "unknown"],
    ["BASE", "//admin", "allowed"],
    ["MERGE_SLASHES", "//admin", "denied"],
    ["DECODE_AND_MERGE_SLASHES", "/x%2F..%2fadmin", "denied"],
  ])("normalises paths by the MeshConfig: %s", (normalization, path, expected) => {
    const deny = policy("deny", `${onService}\naction: DENY\nrules: [{ to: [{ operation: { paths: [/admin] } }] }]`);
    const config = meshConfig(`pathNormalization: { normalization: ${normalization} }`);
    expect(computeDecision(meshOf([...base, deny, config]), request("appa", { path })).outcome).toBe(expected);
  });
});
