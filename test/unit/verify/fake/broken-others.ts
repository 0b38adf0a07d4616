import type { KubeObject } from "../../../../verify/lab-client";
import { type BrokenWorld, edit } from "./breaks";
import { keyOfObject, objectOf } from "./object-key";
import type { FakeState } from "./state";

const l7 = "AuthorizationPolicy/default/appb-l7";
const l4 = "AuthorizationPolicy/default/appb-waypoint-only";
const waypoint = { layer: "waypoint" };
const ztunnel = { layer: "ztunnel" };
const appa = "cluster.local/ns/default/sa/appa";

/** Adds objects of others. */
const add =
  (...objects: KubeObject[]) =>
  (state: FakeState) => {
    for (const object of objects) state.objects.set(keyOfObject(object), object);
  };

const targetRefs = [{ group: "", kind: "Service", name: "appb" }];
const policy = (name: string, sources: readonly object[], spec: object, methods?: readonly string[]) =>
  objectOf("security.istio.io/v1", `AuthorizationPolicy/default/${name}`, {
    spec: {
      action: "ALLOW",
      rules: [
        { from: sources.map((source) => ({ source })), ...(methods ? { to: [{ operation: { methods } }] } : {}) },
      ],
      ...spec,
    },
  });
const selector = { matchLabels: { app: "appb" } };
const named = (apiVersion: string, key: string, spec: object, labels = {}) =>
  objectOf(apiVersion, key, { spec }, { labels });

/** Adds a source to the first rule of a policy. */
const alsoFrom = (key: string, source: object) => edit(key, ["spec", "rules", 0, "from", 1], { source });

const pod = (state: FakeState, labels: Record<string, string>) =>
  void state.foreignPods.push({
    ...{ namespace: "default", name: "appb-copy", role: "appb-copy", ip: "10.244.1.99" },
    ...{ node: "ambient-lab-dev-worker", labels, account: "default", uid: "uid of appb-copy" },
    container: "httpbin",
    principal: "cluster.local/ns/default/sa/default",
  });

const everyRoute = (mirror: object) => (state: FakeState) => {
  const { http } = state.get("VirtualService/default/appb-fault").spec as { http: object[] };
  for (const route of http) Object.assign(route, mirror);
};

const canary = objectOf(
  "apps/v1",
  "Deployment/istio-canary/istiod-canary",
  {},
  { labels: { app: "istiod", "istio.io/rev": "canary" } },
);
const tagged = (tag: string, revision: string) =>
  objectOf(
    "admissionregistration.k8s.io/v1",
    `MutatingWebhookConfiguration//istio-revision-tag-${tag}`,
    {},
    { labels: { "istio.io/tag": tag, "istio.io/rev": revision } },
  );

const lua = {
  name: "envoy.filters.http.lua",
  typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua" },
};
const luaFilter = (spec: object) =>
  named("networking.istio.io/v1alpha3", "EnvoyFilter/default/headers", {
    ...spec,
    configPatches: [
      {
        applyTo: "HTTP_FILTER",
        match: {
          context: "SIDECAR_INBOUND",
          listener: {
            filterChain: {
              filter: {
                name: "envoy.filters.network.http_connection_manager",
                subFilter: { name: "envoy.filters.http.rbac" },
              },
            },
          },
        },
        patch: { operation: "INSERT_BEFORE", value: lua },
      },
    ],
  });
const atWaypoint = { targetRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "waypoint" }] };

const gatewayRoute = (name: string, spec: object) =>
  named("gateway.networking.k8s.io/v1", `HTTPRoute/default/${name}`, {
    parentRefs: [{ name: "gateway" }],
    hostnames: ["appb.opssec.in"],
    ...spec,
  });

/** Changes with which all requests of the experiments have the expected result, and other requests are allowed, changed or mirrored. */
export const brokenByOthers: BrokenWorld[] = [
  {
    name: "appb-l7 has a second source, a whole namespace",
    breaks: alsoFrom(l7, { namespaces: ["kube-system"] }),
    detectedBy: { "authz-principals": waypoint, "authz-methods": waypoint, "proxy-config": waypoint },
    drift:
      'AuthorizationPolicy/appb-l7: spec.rules[0].from[1] is {"source":{"namespaces":["kube-system"]}}, the stack says absent',
  },
  ...(
    [
      ["appa, or a prefix of identities", [{ principals: [appa, "cluster.local/ns/dev/*"] }]],
      ["appa, or a namespace", [{ principals: [appa] }, { namespaces: ["kube-system"] }]],
      ["a namespace but appa", [{ namespaces: ["kube-system"], notPrincipals: [appa] }]],
      ["appa from an address, or an address", [{ principals: [appa] }, { ipBlocks: ["192.0.2.0/24"] }]],
    ] as const
  ).map(([what, sources]) => ({
    name: `another policy at the waypoint allows GET for ${what}`,
    breaks: add(policy("debug", sources, { targetRefs }, ["GET"])),
    detectedBy: { "authz-principals": waypoint, "proxy-config": waypoint },
    drift: "AuthorizationPolicy default/debug is not the lab's: it acts on Service appb",
  })),
  {
    name: "appb-waypoint-only has a second source, a whole namespace",
    breaks: alsoFrom(l4, { namespaces: ["kube-system"] }),
    detectedBy: { bypass: ztunnel },
    drift:
      'AuthorizationPolicy/appb-waypoint-only: spec.rules[0].from[1] is {"source":{"namespaces":["kube-system"]}}, the stack says absent',
  },
  {
    name: "another policy on appb's pods allows a namespace",
    breaks: add(policy("scrape", [{ namespaces: ["kube-system"] }], { selector })),
    detectedBy: { bypass: ztunnel, "proxy-config": ztunnel },
    drift: "AuthorizationPolicy default/scrape is not the lab's: it acts on pods with app=appb",
  },
  {
    name: "a policy of the root namespace allows a namespace at every pod",
    breaks: (state) => {
      const everywhere = policy("everywhere", [{ namespaces: ["kube-system"] }], {});
      add({ ...everywhere, metadata: { ...everywhere.metadata, namespace: "istio-system" } })(state);
    },
    detectedBy: { bypass: ztunnel, "proxy-config": ztunnel },
    drift: "AuthorizationPolicy istio-system/everywhere is not the lab's: it acts on all pods",
  },
  {
    name: "appb-l7 is a dry run",
    breaks: edit(l7, ["metadata", "annotations"], { "istio.io/dry-run": "true" }),
    detectedBy: {},
    drift: "AuthorizationPolicy/appb-l7: annotation istio.io/dry-run is true, the stack says absent",
  },
  {
    name: "a control plane of another revision, which the namespace selects by a tag",
    breaks: (state) => {
      add(canary, tagged("stable", "canary"))(state);
      Object.assign(state.get("Namespace//default").metadata?.labels ?? {}, { "istio.io/rev": "stable" });
    },
    detectedBy: { "proxy-config": { layer: "ztunnel" } },
    drift:
      "Deployment istio-canary/istiod-canary is not the lab's: it is the control plane of revision canary, which Gateway default/gateway is for (istio.io/rev=stable)",
  },
  {
    name: "a control plane of another revision, which has the default tag",
    breaks: add(canary, tagged("default", "canary")),
    detectedBy: { "proxy-config": { layer: "istiod" } },
    drift: "it is the control plane of revision canary, which Gateway default/gateway is for (istio.io/rev=default)",
  },
  {
    name: "a control plane of another revision that nothing of the lab selects",
    breaks: add(canary),
    detectedBy: {},
    drift: "Deployment istio-canary/istiod-canary is not the lab's: it is the control plane of revision canary, beside",
  },
  {
    name: "every route is mirrored to another Service",
    breaks: everyRoute({ mirror: { host: "appa" } }),
    detectedBy: { "proxy-config": waypoint, "fault-delay": waypoint },
    drift: 'VirtualService/appb-fault: spec.http[0].mirror is {"host":"appa"}, the stack says absent',
  },
  {
    name: "a Lua filter before RBAC",
    breaks: add(luaFilter(atWaypoint)),
    detectedBy: { "proxy-config": waypoint, "authz-methods": waypoint, "authz-principals": waypoint },
    drift: "EnvoyFilter default/headers is not the lab's: it acts on Gateway waypoint",
  },
  {
    name: "the gateway has a route for /admin to another Service",
    breaks: add(
      gatewayRoute("admin", {
        rules: [
          {
            matches: [{ path: { type: "PathPrefix", value: "/admin" } }],
            backendRefs: [{ name: "appa", port: 8000 }],
          },
        ],
      }),
    ),
    detectedBy: { "proxy-config": { layer: "gateway" }, "ingress-through-waypoint": { layer: "gateway" } },
    drift: "HTTPRoute default/admin is not the lab's: it acts on Gateway gateway",
  },
  {
    name: "the lab's own route of the gateway has a second rule",
    breaks: edit("HTTPRoute/default/appb", ["spec", "rules", 1], {
      matches: [{ path: { type: "PathPrefix", value: "/admin" } }],
      backendRefs: [{ name: "appa", port: 8000 }],
    }),
    detectedBy: { "proxy-config": { layer: "gateway" } },
    drift: "HTTPRoute/appb: spec.rules[1] is ",
  },
  {
    name: "a second pod has the label app=appb",
    breaks: (state) => pod(state, { app: "appb" }),
    detectedBy: { "proxy-config": waypoint },
    seen: "appb.default.svc.cluster.local is no pod of the lab",
    drift: "Pod default/appb-copy is not the lab's: it answers for Service appb",
  },
  {
    name: "Service appb has an endpoint that is no pod of the lab",
    breaks: add(
      objectOf(
        "discovery.k8s.io/v1",
        "EndpointSlice/default/appb-more",
        { endpoints: [{ addresses: ["192.0.2.7"] }] },
        { labels: { "kubernetes.io/service-name": "appb" } },
      ),
    ),
    detectedBy: { "proxy-config": { layer: "app" } },
    drift: "192.0.2.7 answers for Service appb, and is no pod of the lab",
  },
  {
    name: "a second Service for appb's pods uses the waypoint, which has no policy for it",
    breaks: add(
      named(
        "v1",
        "Service/default/appb-debug",
        { selector: { app: "appb" }, ports: [{ port: 8000, targetPort: 8080 }] },
        { "istio.io/use-waypoint": "waypoint" },
      ),
    ),
    detectedBy: { "proxy-config": waypoint },
    drift: "Service default/appb-debug is not the lab's: it leads to the pods of appb by way of waypoint waypoint",
  },
  {
    name: "a second Service for appb's pods",
    breaks: add(
      named("v1", "Service/default/appb-debug", {
        selector: { app: "appb" },
        ports: [{ port: 8000, targetPort: 8080 }],
      }),
    ),
    detectedBy: {},
    drift: "Service default/appb-debug is not the lab's: it leads to the pods of appb",
  },
  ...(
    [
      ["telemetry.istio.io/v1", "Telemetry/istio-system/quiet", { accessLogging: [{ disabled: true }] }, "all pods"],
      ["extensions.istio.io/v1alpha1", "WasmPlugin/default/auth", atWaypoint, "Gateway waypoint"],
      ["extensions.istio.io/v1alpha1", "TrafficExtension/default/auth", atWaypoint, "Gateway waypoint"],
      [
        "networking.istio.io/v1",
        "DestinationRule/kube-system/appb",
        { host: "appb.default.svc.cluster.local" },
        "appb",
      ],
      ["networking.istio.io/v1", "VirtualService/default/debug", { hosts: ["appb"], http: [] }, "appb.default"],
      ["gateway.networking.k8s.io/v1", "GRPCRoute/default/calls", { parentRefs: [{ name: "gateway" }] }, "Gateway"],
      ["gateway.networking.k8s.io/v1alpha2", "TLSRoute/default/tls", { parentRefs: [{ name: "gateway" }] }, "Gateway"],
      ["gateway.networking.k8s.io/v1", "TCPRoute/default/raw", { parentRefs: [{ name: "gateway" }] }, "Gateway"],
      ["networking.istio.io/v1", "ServiceEntry/default/twin", { hosts: ["appb.default.svc.cluster.local"] }, "appb"],
    ] as const
  ).map(([apiVersion, key, spec, on]): BrokenWorld => {
    const [kind = "", ...place] = key.split("/");
    return {
      name: `a ${kind} of others affects the lab's traffic`,
      breaks: add(named(apiVersion, key, spec)),
      detectedBy: {
        "proxy-config": { layer: ["GRPCRoute", "TCPRoute", "TLSRoute"].includes(kind) ? "gateway" : "waypoint" },
      },
      drift: `${kind} ${place.join("/")} is not the lab's: it acts on ${on}`,
    };
  }),
  {
    name: "a PeerAuthentication of the root namespace requires mutual TLS for every pod",
    breaks: add(named("security.istio.io/v1", "PeerAuthentication/istio-system/default", { mtls: { mode: "STRICT" } })),
    detectedBy: { "proxy-config": ztunnel },
    drift: "PeerAuthentication istio-system/default is not the lab's: it acts on all pods",
  },
  ...(
    [
      ["networking.istio.io/v1", "Sidecar/default/slim", {}],
      ["networking.istio.io/v1beta1", "ProxyConfig/istio-system/threads", {}],
      ["gateway.networking.k8s.io/v1beta1", "ReferenceGrant/default/any", {}],
      ["networking.k8s.io/v1", "NetworkPolicy/default/deny", { podSelector: {} }],
      ["networking.istio.io/v1", "ServiceEntry/default/elsewhere", { hosts: ["example.com"] }],
    ] as const
  ).map(
    ([apiVersion, key, spec]): BrokenWorld => ({
      name: `${key} exists beside the lab`,
      breaks: add(named(apiVersion, key, spec)),
      detectedBy: {},
      drift: "it is in a namespace where it may act on the lab's traffic",
    }),
  ),
];
