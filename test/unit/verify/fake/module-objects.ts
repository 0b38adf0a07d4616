import type { LabSettings } from "../../../../config/schema";
import { serviceAccountOf } from "../../../../config/vocabulary";
import type { ModuleName } from "../../../../modules/index";
import type { KubeObject } from "../../../../verify/lab-client";
import { agentgatewayObjects } from "./agentgateway";
import { gatewayJwtObjects, gatewayTlsObjects } from "./gateway-modules";
import { crossNamespace, egress } from "./namespace-objects";
import { deployment, type Fields, from, object, service, yes } from "./objects";

const policy = (name: string, spec: Fields, status: Fields = {}): KubeObject =>
  object("security.istio.io/v1", `AuthorizationPolicy/default/${name}`, { spec, status });
const onPods = (app: string) => ({ selector: { matchLabels: { app } } });
const onServices = (...names: string[]) => ({ targetRefs: names.map((name) => ({ kind: "Service", name })) });
const front = (name: string, app: string): KubeObject =>
  service("default", name, 8000, 8080, { "istio.io/use-waypoint": "waypoint" }, app);

const layers = (): KubeObject[] => [
  ...["appc", "appd"].flatMap((name) => [deployment("default", name), service("default", name, 8000, 8080)]),
  front("appc-l7", "appc"),
  policy("appc-l4-deny", { ...onPods("appc"), action: "DENY", rules: [{ from: from("stranger") }] }),
  policy("appc-l7-deny", { ...onServices("appc-l7"), action: "DENY", rules: [{ from: from("stranger") }] }),
  policy(
    "appd-misplaced",
    {
      ...onPods("appd"),
      action: "ALLOW",
      rules: [{ from: from("appa", "waypoint"), to: [{ operation: { methods: ["GET"] } }] }],
    },
    {
      conditions: [
        yes(
          "ZtunnelAccepted",
          "ztunnel does not support HTTP attributes (found: methods). In ambient mode you must use a waypoint proxy to enforce HTTP rules. Within an ALLOW policy, rules matching HTTP attributes are omitted. This will be more restrictive than requested.",
        ),
      ],
    },
  ),
];

const split = (settings: LabSettings): KubeObject[] => {
  const [first, second] = [{ name: "appb-v1" }, { name: "appb-v2" }];
  const weights = [
    { ...first, weight: 100 - settings.splitWeight },
    { ...second, weight: settings.splitWeight },
  ];
  const rules = [
    { matches: [{ headers: [{ name: "x-canary", value: "v2" }] }], backendRefs: [second] },
    {
      matches: [{ path: { value: "/anything/mirrored" } }],
      filters: [{ requestMirror: { backendRef: second } }],
      backendRefs: [first],
    },
    { backendRefs: weights },
  ];
  return [
    deployment("default", "appb-v2"),
    service("default", "appb-v1", 8000, 8080, {}, "appb"),
    service("default", "appb-v2", 8000, 8080),
    front("appb-split", "appb"),
    policy("appb-v2-waypoint-only", { ...onPods("appb-v2"), action: "ALLOW", rules: [{ from: from("waypoint") }] }),
    policy("appb-split-l7", { ...onServices("appb-split"), ...callersOf(settings) }),
    object("gateway.networking.k8s.io/v1", "HTTPRoute/default/appb-split", {
      spec: { parentRefs: [{ name: "appb-split" }], rules },
    }),
  ];
};

const resilience = (settings: LabSettings): KubeObject[] => [
  front("appb-resilience", "appb"),
  front("appb-limited", "appb"),
  policy("appb-resilience-l7", { ...onServices("appb-resilience", "appb-limited"), ...callersOf(settings) }),
  object("networking.istio.io/v1", "VirtualService/default/appb-resilience", {
    spec: {
      hosts: ["appb-resilience"],
      http: [
        { match: [{ uri: { prefix: "/status" } }], fault: { abort: { httpStatus: 410 } }, route: [{}] },
        { match: [{ uri: { prefix: "/delay" } }], timeout: "1s", retries: { attempts: 0 }, route: [{}] },
        { match: [{ uri: { prefix: "/unstable" } }], retries: { attempts: 3, retryOn: "5xx" }, route: [{}] },
        { route: [{}] },
      ],
    },
  }),
  object("networking.istio.io/v1alpha3", "EnvoyFilter/default/appb-limited", {
    spec: {
      configPatches: [{ patch: { value: { typed_config: { token_bucket: { max_tokens: 10, tokens_per_fill: 2 } } } } }],
    },
  }),
];

const grpc = (): KubeObject[] => [
  deployment("default", "grpc"),
  service("default", "grpc", 8000, 5000, { "istio.io/use-waypoint": "waypoint" }),
  policy("grpc-waypoint-only", { ...onPods("grpc"), action: "ALLOW", rules: [{ from: from("waypoint") }] }),
  policy("grpc-l7", {
    ...{ ...onServices("grpc"), action: "ALLOW" },
    rules: [
      { from: from("appa"), to: [{ operation: { methods: ["POST"], paths: ["/grpc.health.v1.Health/Check"] } }] },
    ],
  }),
];

const strictMtls = (): KubeObject[] => [
  ...["appf", "appg"].flatMap((name) => [deployment("default", name), service("default", name, 8000, 8080)]),
  object("security.istio.io/v1", "PeerAuthentication/default/appf-strict", {
    spec: { ...onPods("appf"), mtls: { mode: "STRICT" } },
  }),
  object("apps/v1", "DaemonSet/default/sniffer", {
    spec: {
      template: { metadata: { labels: { app: "sniffer" } }, spec: { containers: [{ image: "lab/httpbin:1" }] } },
    },
    status: { desiredNumberScheduled: 2, numberReady: 2, updatedNumberScheduled: 2 },
  }),
];

const callersOf = ({ allowedCallers, allowedMethods }: LabSettings): Fields => ({
  action: "ALLOW",
  rules:
    allowedCallers.length > 0
      ? [{ from: from(...allowedCallers.map(serviceAccountOf)), to: [{ operation: { methods: allowedMethods } }] }]
      : [],
});

/** What the modules of a lab add to its objects. */
export const moduleObjects = (settings: LabSettings): KubeObject[] =>
  settings.modules.flatMap((module) => makers[module](settings));

const makers: Record<ModuleName, (settings: LabSettings) => KubeObject[]> = {
  "fail-open": () => [],
  "l4-l7": layers,
  "traffic-split": split,
  resilience,
  egress,
  "cross-namespace": crossNamespace,
  grpc,
  "strict-mtls": strictMtls,
  chaos: () => [deployment("default", "loadgen")],
  "gateway-tls": gatewayTlsObjects,
  "gateway-jwt": gatewayJwtObjects,
  agentgateway: agentgatewayObjects,
};
