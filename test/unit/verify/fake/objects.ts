import { principalOf, serviceAccountOf } from "../../../../config/vocabulary";
import type { LabFacts } from "../../../../experiments/types";
import type { KubeObject } from "../../../../verify/lab-client";

export type Fields = Record<string, unknown>;

/** An object by its path, such as "Service/default/appb". */
export const object = (apiVersion: string, path: string, fields: Fields, metadata: Fields = {}): KubeObject => {
  const [kind, namespace, name] = path.split("/");
  return { apiVersion, kind, metadata: { name, ...(namespace ? { namespace } : {}), ...metadata }, ...fields };
};

/** A Deployment with its one pod ready. */
export const deployment = (namespace: string, name: string, image = "lab/httpbin:1"): KubeObject =>
  object("apps/v1", `Deployment/${namespace}/${name}`, {
    spec: { replicas: 1, template: { metadata: { labels: { app: name } }, spec: { containers: [{ image }] } } },
    status: { replicas: 1, readyReplicas: 1, updatedReplicas: 1 },
  });

const daemon = (name: string, image: string, count: number): KubeObject =>
  object("apps/v1", `DaemonSet/istio-system/${name}`, {
    spec: { template: { spec: { containers: [{ image }] } } },
    status: { desiredNumberScheduled: count, numberReady: count, updatedNumberScheduled: count },
  });

/** A Service of one port on the pods of an application. */
export const service = (
  namespace: string,
  name: string,
  port: number,
  targetPort: number,
  labels: Fields = {},
  app = name,
): KubeObject =>
  object(
    "v1",
    `Service/${namespace}/${name}`,
    { spec: { selector: { app }, ports: [{ port, targetPort }] } },
    { labels, ...owned("v1", { "f:metadata": { "f:labels": {} } }) },
  );

/** What the API server notes of an object that Pulumi applied. */
const owned = (apiVersion: string, fieldsV1: Fields) => ({
  resourceVersion: "100",
  managedFields: [{ manager: "pulumi-kubernetes-1", operation: "Apply", apiVersion, fieldsV1 }],
});

/** The `from` of a rule that names ServiceAccounts of the namespace default. */
export const from = (...accounts: string[]) => [
  { source: { principals: accounts.map((account) => principalOf(account)) } },
];

/** A condition that is True. */
export const yes = (type: string, message = "") => ({ type, status: "True", message });

/** Every object of the story in a healthy lab, as the cluster holds it. */
export function storyObjects({ settings, versions }: LabFacts): KubeObject[] {
  const nodes = [
    "control-plane",
    ...Array.from({ length: settings.workers }, (_, i) => `worker${i === 0 ? "" : i + 1}`),
  ];
  const gatewayApi = "gateway.networking.k8s.io/v1";
  const istio = (name: string) => `docker.io/istio/${name}:${versions.istio}-distroless`;
  const bound = "Successfully attached to waypoint default/waypoint. Ingress traffic will traverse the waypoint";
  return [
    ...nodes.map((name) =>
      object(
        "v1",
        `Node//ambient-lab-dev-${name}`,
        {
          spec: name === "control-plane" ? { taints: [{ effect: "NoSchedule" }] } : {},
          status: { conditions: [yes("Ready")], nodeInfo: { kubeletVersion: "v1.36.1" } },
        },
        { annotations: { "volumes.kubernetes.io/controller-managed-attach-detach": "true" } },
      ),
    ),
    object("v1", "Namespace//default", {}, { labels: { "istio.io/dataplane-mode": "ambient" } }),
    object(
      "apiextensions.k8s.io/v1",
      "CustomResourceDefinition//gateways.gateway.networking.k8s.io",
      {},
      {
        annotations: {
          "gateway.networking.k8s.io/bundle-version": versions.gatewayApi,
          "gateway.networking.k8s.io/channel": "standard",
        },
      },
    ),
    ...["istio", "istio-waypoint"].map((name) =>
      object(gatewayApi, `GatewayClass//${name}`, { status: { conditions: [yes("Accepted")] } }),
    ),
    deployment("istio-system", "istiod", istio("pilot")),
    object("networking.istio.io/v1", "DestinationRule/istio-system/connections", { spec: { host: "*" } }),
    daemon("istio-cni-node", istio("install-cni"), nodes.length),
    daemon("ztunnel", istio("ztunnel"), nodes.length),
    ...["gateway-istio", "waypoint"].map((name) => deployment("default", name, istio("proxyv2"))),
    ...["appa", "appb", "stranger", "outsider"].map((name) => deployment("default", name)),
    {
      ...service("default", "appb", 8000, 8080, {
        "istio.io/use-waypoint": "waypoint",
        "istio.io/ingress-use-waypoint": "true",
      }),
      status: { conditions: [yes("istio.io/WaypointBound", bound)] },
    },
    object(gatewayApi, "Gateway/default/gateway", {
      spec: { gatewayClassName: "istio", listeners: [{ name: "http", hostname: `*.${settings.domain}`, port: 80 }] },
      status: { conditions: [yes("Accepted"), yes("Programmed")] },
    }),
    {
      ...service("default", "gateway-istio", 80, 80),
      status: { loadBalancer: { ingress: [{ ip: "172.18.255.200" }] } },
    },
    object(gatewayApi, "HTTPRoute/default/appb", {
      spec: {
        parentRefs: [{ name: "gateway" }],
        hostnames: [`appb.${settings.domain}`],
        rules: [{ backendRefs: [{ name: "appb", port: 8000 }] }],
      },
      status: { parents: [{ conditions: [yes("Accepted")] }] },
    }),
    object(gatewayApi, "Gateway/default/waypoint", { spec: { gatewayClassName: "istio-waypoint" } }),
    object("metallb.io/v1beta1", "IPAddressPool/metallb-system/lab", {
      spec: { addresses: ["172.18.255.200-172.18.255.220"] },
    }),
    object("metallb.io/v1beta1", "L2Advertisement/metallb-system/lab", { spec: { ipAddressPools: ["lab"] } }),
    ...policies(settings),
    ...addonServices.filter(({ addon }) => settings.addons.includes(addon)).map(({ object: found }) => found),
    object("v1", "ConfigMap/istio-system/istio", { data: { mesh: "defaultProviders:\n  tracing: [jaeger]\n" } }),
  ];
}

const addonServices = [
  { addon: "prometheus", object: service("istio-system", "prometheus", 9090, 9090) },
  { addon: "grafana", object: service("istio-system", "grafana", 3000, 3000) },
  { addon: "jaeger", object: service("istio-system", "tracing", 80, 16686) },
  { addon: "kiali", object: service("istio-system", "kiali", 20001, 20001) },
] as const;

function policies(settings: LabFacts["settings"]): KubeObject[] {
  const allow = (name: string, target: Fields, rules: Fields[]) =>
    object(
      "security.istio.io/v1",
      `AuthorizationPolicy/default/${name}`,
      { spec: { ...target, action: "ALLOW", rules } },
      owned("security.istio.io/v1", { "f:spec": { "f:rules": {} } }),
    );
  const callers = settings.allowedCallers.map(serviceAccountOf);
  const l7 = [{ from: from(...callers), to: [{ operation: { methods: settings.allowedMethods } }] }];
  const target = { targetRefs: [{ kind: "Service", name: "appb" }] };
  const found = [allow("appb-l7", target, callers.length > 0 ? l7 : [])];
  if (settings.closeBypass) {
    const only = [{ from: from("waypoint") }];
    found.push(allow("appb-waypoint-only", { selector: { matchLabels: { app: "appb" } } }, only));
  }
  if (!settings.faultEnabled) return found;
  const delay = { fixedDelay: settings.faultDelay, percentage: { value: settings.faultPercent } };
  const route = [{ destination: { host: "appb", port: { number: 8000 } } }];
  const http = [
    { match: [{ uri: { prefix: settings.faultPath } }], fault: { delay }, route },
    { route: structuredClone(route) },
  ];
  return [
    ...found,
    object("networking.istio.io/v1", "VirtualService/default/appb-fault", { spec: { hosts: ["appb"], http } }),
  ];
}
