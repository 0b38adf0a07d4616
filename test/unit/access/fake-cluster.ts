import { textAt } from "../../../verify/json";
import { ApiError } from "../../../verify/kube/rest";
import type { ClusterClient, KubeObject, PodRef } from "../../../verify/lab-client";
import { FakeClock } from "../verify/fake/clock";
import { type AccessFields, accessLine, connectionLine } from "../verify/fake/lines";

/** One request as a probe pod sends it. */
export interface FakeRequest {
  method: string;
  /** Address that the connection goes to. */
  address: string;
  host: string;
  path: string;
  id: string;
  pod: KubeObject;
  headers: readonly string[];
}

/** How the mesh ends a request. */
export interface FakeEnd {
  status: number;
  seconds?: number;
  /** curl's exit code and message. */
  exit?: number;
  error?: string;
  /** The line of the waypoint, or of the gateway. */
  waypoint?: Partial<AccessFields>;
  gateway?: Partial<AccessFields>;
  /** The workload that the pod's ztunnel connected to, and the error of the connection. */
  connection?: { to: string; error?: string; far?: string };
  /** The error with which the ztunnel of the application refuses the waypoint. */
  refusedProxy?: string;
}

/** A mesh in memory: it has objects, runs probe pods, and writes the logs of its proxies. */
export class FakeCluster implements ClusterClient {
  readonly clock = new FakeClock();
  readonly created: KubeObject[] = [];
  readonly deleted: string[] = [];
  /** Requests that were sent. */
  readonly requests: FakeRequest[] = [];
  /** Rights that the user does not have, such as "create pods shop", "list Pod" or "get ConfigMap". */
  readonly forbidden = new Set<string>();
  /** Status of a probe pod, unless it runs to its end. */
  podStatus: unknown;
  /** Is called when the probe pods are looked at. */
  onLook: () => void = () => undefined;
  readonly #logs = new Map<string, string[]>();
  readonly #outputs = new Map<string, string>();

  constructor(
    readonly objects: KubeObject[],
    readonly end: (request: FakeRequest) => FakeEnd,
  ) {}

  read: ClusterClient["read"] = async (ref) => {
    if (this.forbidden.has(`get ${ref.kind}`)) throw forbiddenError(ref.kind);
    return this.objects.find(
      (each) => each.kind === ref.kind && each.metadata?.name === ref.name && each.metadata.namespace === ref.namespace,
    );
  };

  list: ClusterClient["list"] = async ({ kind, namespace, labels = {} }) => {
    if (kind === "Pod" && namespace !== undefined) this.onLook();
    if (this.forbidden.has(`list ${kind}`)) throw forbiddenError(kind);
    return (
      this.objects
        .filter((each) => each.kind === kind && (namespace === undefined || each.metadata?.namespace === namespace))
        .filter((each) => Object.entries(labels).every(([key, value]) => each.metadata?.labels?.[key] === value))
        // The items of a list have no kind.
        .map(({ kind: _kind, apiVersion: _version, ...rest }) => rest)
    );
  };

  logs: ClusterClient["logs"] = async ({ name }, since) => {
    const lines = this.#logs.get(name) ?? [];
    return since === undefined ? lines.slice(-1) : lines.filter((line) => line.slice(0, since.length) >= since);
  };

  rotatedLogs: ClusterClient["rotatedLogs"] = async () => [];

  serverTime: ClusterClient["serverTime"] = async () => this.clock.now();

  output: ClusterClient["output"] = async ({ name }: PodRef) => this.#outputs.get(name) ?? "";

  deletePod: ClusterClient["deletePod"] = async ({ namespace, name }) => {
    this.deleted.push(`${namespace}/${name}`);
    const index = this.objects.findIndex((each) => each.kind === "Pod" && each.metadata?.name === name);
    if (index >= 0) this.objects.splice(index, 1);
  };

  create: ClusterClient["create"] = async (object) => {
    if (object.kind === "SelfSubjectAccessReview") return this.#review(object);
    const pod: KubeObject = { ...object, status: this.podStatus ?? { phase: "Succeeded", podIP: "10.244.1.77" } };
    this.created.push(object);
    this.objects.push(pod);
    if (this.podStatus === undefined) this.#outputs.set(object.metadata?.name ?? "", this.#run(object));
    return pod;
  };

  #review(object: KubeObject): KubeObject {
    const asked = Reflect.get(Object(object.spec), "resourceAttributes");
    const { verb, resource, subresource, namespace } = Object(asked);
    const right = `${verb} ${subresource ? `${resource}/${subresource}` : resource} ${namespace}`;
    return { ...object, status: { allowed: !this.forbidden.has(right) } };
  }

  /** Sends the requests of a pod's command, and returns what curl writes about them. */
  #run(pod: KubeObject): string {
    const command = Reflect.get(Object(pod.spec), "containers")[0].command as string[];
    const operations = command
      .slice(1)
      .join("\0")
      .split("\0--next\0")
      .map((text) => text.split("\0"));
    return operations
      .map((args, index) => {
        const value = (option: string) => args[args.indexOf(option) + 1] ?? "";
        const url = new URL(args.at(-1) ?? "");
        const request: FakeRequest = {
          method: args.includes("--head") ? "HEAD" : value("--request"),
          address: value("--connect-to").slice(2),
          host: url.hostname,
          path: value("--request-target"),
          id: url.searchParams.get("probe") ?? "",
          headers: args.flatMap((arg, at) => (args[at - 1] === "--header" ? [arg] : [])),
          pod,
        };
        this.requests.push(request);
        const end = this.end(request);
        const port = Number(value("--local-port").split("-")[0]);
        this.#record(request, end, `10.244.1.77:${port}`);
        const measured = {
          ...{ response_code: end.status, time_total: end.seconds ?? 0.01, exitcode: end.exit ?? 0 },
          ...{ errormsg: end.error ?? null, local_ip: "10.244.1.77", local_port: port, url: args.at(-1) },
        };
        // curl(1): a format that begins with "@" is the name of a file.
        if (value("--write-out").startsWith("@")) return "";
        const mark = value("--write-out").replace("%{json}\\n", "");
        return `${mark}${JSON.stringify({ ...measured, index })}\n`;
      })
      .join("");
  }

  #record({ method, path, id, host, pod }: FakeRequest, end: FakeEnd, address: string): void {
    const stamp = new Date(this.clock.now()).toISOString();
    const write = (name: string, line: string) =>
      this.#logs.set(name, [...(this.#logs.get(name) ?? []), `${stamp.replace("Z", "000000Z")} ${line}`]);
    const base = {
      ...{ stamp, method, path, status: end.status, flags: "-", details: "via_upstream", durationMs: 4, id },
      ...{
        authority: host,
        upstream: "10.244.1.5:8080",
        cluster: "inbound-vip|8000|http|appb.default.svc.cluster.local",
      },
    };
    if (end.waypoint) write("waypoint-1", accessLine({ ...base, ...end.waypoint }));
    if (end.gateway) write("gateway-istio-1", accessLine({ ...base, ...end.gateway }));
    if (end.refusedProxy) {
      const proxy = { workload: "waypoint-1", address: "10.244.1.9:41000" };
      const app = { workload: "appb-1", address: "10.244.1.5:15008" };
      const error = end.refusedProxy;
      write(
        "ztunnel-1",
        connectionLine({ stamp, direction: "inbound", from: proxy, to: app, inner: "10.244.1.5:8080", error }),
      );
    }
    if (!end.connection) return;
    const { to, error, far } = end.connection;
    const name = pod.metadata?.name ?? "";
    const account = textAt(pod, "spec", "serviceAccountName") ?? "default";
    const from = { workload: name, address, principal: `cluster.local/ns/${pod.metadata?.namespace}/sa/${account}` };
    const at = { workload: to, address: "10.244.1.5:15008", principal: "cluster.local/ns/default/sa/appb" };
    const inner = "10.244.1.5:8080";
    const ends = { stamp, from, to: at, inner };
    write("ztunnel-1", connectionLine({ ...ends, direction: "outbound", ...(error ? { error } : {}) }));
    if (far)
      write(
        "ztunnel-1",
        connectionLine({ ...ends, from: { ...from, address: "10.244.1.77:51000" }, direction: "inbound", error: far }),
      );
  }
}

function forbiddenError(kind: string): ApiError {
  const body = JSON.stringify({ message: `${kind} is forbidden` });
  return new ApiError({ method: "GET", path: `/${kind}`, headers: {} }, { status: 403, headers: {}, body, seconds: 0 });
}

/** Objects of a mesh with the namespaces default (in the mesh) and istio-system. */
export function meshObjects(): KubeObject[] {
  const namespace = (name: string, labels: Record<string, string> = {}): KubeObject => ({
    ...{ apiVersion: "v1", kind: "Namespace", metadata: { name, labels } },
  });
  const pod = (
    name: string,
    labels: Record<string, string>,
    more: { namespace?: string; account?: string; container?: string; annotations?: Record<string, string> } = {},
  ): KubeObject => ({
    ...{ apiVersion: "v1", kind: "Pod" },
    metadata: { name, namespace: more.namespace ?? "default", labels, annotations: more.annotations ?? {} },
    spec: {
      serviceAccountName: more.account ?? "default",
      containers: [{ name: more.container ?? "app", image: "example/app:1", ports: [{ containerPort: 8080 }] }],
    },
    status: { phase: "Running", podIP: "10.244.1.5", conditions: [{ type: "Ready", status: "True" }] },
  });
  const account = (name: string): KubeObject => ({
    ...{ apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace: "default" } },
  });
  const inMesh = { "ambient.istio.io/redirection": "enabled" };
  const proxy = { container: "istio-proxy" };
  return [
    namespace("default", { "istio.io/dataplane-mode": "ambient" }),
    namespace("istio-system"),
    ...["default", "appa", "appb", "stranger"].map(account),
    pod("appa-1", { app: "appa" }, { account: "appa", annotations: inMesh }),
    pod("appb-1", { app: "appb", "pod-template-hash": "1" }, { account: "appb", annotations: inMesh }),
    pod(
      "waypoint-1",
      { "gateway.networking.k8s.io/gateway-name": "waypoint", "gateway.istio.io/managed": "istio.io-mesh-controller" },
      proxy,
    ),
    pod(
      "gateway-istio-1",
      {
        "gateway.networking.k8s.io/gateway-name": "gateway",
        "gateway.istio.io/managed": "istio.io-gateway-controller",
      },
      proxy,
    ),
    pod("ztunnel-1", { app: "ztunnel" }, { namespace: "istio-system", ...proxy }),
    pod("istiod-1", { app: "istiod", "istio.io/rev": "default" }, { namespace: "istio-system" }),
    {
      ...{ apiVersion: "v1", kind: "Service", metadata: { name: "appb", namespace: "default", labels: {} } },
      spec: { selector: { app: "appb" }, ports: [{ name: "http", port: 8000, targetPort: 8080 }] },
    },
    {
      ...{ apiVersion: "v1", kind: "Service" },
      metadata: {
        name: "gateway-istio",
        namespace: "default",
        labels: { "gateway.networking.k8s.io/gateway-name": "gateway" },
      },
      spec: { selector: { app: "gateway" }, ports: [{ name: "http", port: 80 }] },
    },
    {
      ...{
        apiVersion: "gateway.networking.k8s.io/v1",
        kind: "Gateway",
        metadata: { name: "gateway", namespace: "default" },
      },
      spec: { gatewayClassName: "istio", listeners: [{ name: "http", port: 80, protocol: "HTTP" }] },
    },
    {
      ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "istio", namespace: "istio-system" } },
      ...{ data: { mesh: "rootNamespace: istio-system\ntrustDomain: cluster.local\n" } },
    } as KubeObject,
  ];
}
