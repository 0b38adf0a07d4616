import { isIP } from "node:net";
import type { LabSettings } from "../../../../config/schema";
import { at, listAt, numberAt, textAt } from "../../../../verify/json";
import type { HttpAnswer, KubeObject, LabClient, PatchOperation, PodRef } from "../../../../verify/lab-client";
import { FakeClock } from "./clock";
import { clusterOf, type FakeCluster } from "./cluster";
import { containerId } from "./cost";
import { dashboards } from "./dashboards";
import { gatewayConfig, waypointConfig, ztunnelConfig } from "./dumps";
import { handshakeWith } from "./gateway-modules";
import { grpcOutput } from "./grpc";
import { keyOf, objectOf, selects } from "./object-key";
import { applyPatch } from "./patch";
import type { FakeAnswer, FakeTarget } from "./request";
import { served } from "./server-defaults";
import { FakeShell } from "./shell";
import { type FakePod, FakeState, hasSidecar, sidecarOf, templateHash } from "./state";
import { clustersOf } from "./tracing";
import { Traffic } from "./traffic";

const ok = (body: unknown): HttpAnswer => ({
  status: 200,
  headers: {},
  body: typeof body === "string" ? body : JSON.stringify(body),
  seconds: 0.005,
});

/** A lab in memory that behaves as observed in a real lab. */
export class FakeWorld implements LabClient {
  readonly state: FakeState;
  readonly traffic: Traffic;
  readonly shell: FakeShell;
  /** All patches that were sent. */
  readonly patches: PatchOperation[][] = [];
  /** Called before a patch is applied; a test may throw an error. */
  beforePatch: (operations: readonly PatchOperation[]) => void = () => undefined;

  constructor(cluster: FakeCluster) {
    this.state = new FakeState(cluster, new FakeClock());
    this.traffic = new Traffic(this.state);
    this.shell = new FakeShell(this.state, this.traffic);
  }

  read: LabClient["read"] = async ({ kind, namespace, name }) =>
    served(
      structuredClone(
        this.state.dumped.get(keyOf(kind, namespace, name)) ?? this.state.objects.get(keyOf(kind, namespace, name)),
      ),
    );

  list: LabClient["list"] = async ({ apiVersion, kind, namespace, labels = {} }) => {
    if (kind === "Pod")
      return this.state.pods
        .filter((pod) => (namespace === undefined || pod.namespace === namespace) && matches(pod.labels, labels))
        .map((pod) => {
          const { unready, startedAt, proxyLevels } = this.state;
          const more = { startedAt: startedAt.get(pod.role), level: proxyLevels.get(pod.role) };
          return podObject(pod, !unready.has(pod.role), more);
        });
    const all = this.state.objects.ofKind(kind);
    const found = [...all, ...(kind === "EndpointSlice" ? endpointSlices(this.state) : [])].filter(
      (item) =>
        // A CRD may serve only one version of a kind.
        item.apiVersion === apiVersion && (namespace === undefined || item.metadata?.namespace === namespace),
    );
    return structuredClone(found.map((item) => this.state.asDumped(item)));
  };

  exec: LabClient["exec"] = async (target, command) => {
    const source = this.#pod(target.name);
    const script = this.shell.run(source, command);
    if (script) return script;
    if (command.includes("%{time_connect}")) return this.#connected(source);
    const value = (flag: string) => command[command.indexOf(flag) + 1] ?? "";
    if (command.includes("--http2-prior-knowledge")) return this.#call(source, command);
    const method = command.includes("--head") ? "HEAD" : value("--request");
    const url = command.at(-1) ?? "";
    const { hostname, pathname, search, host } = new URL(url.replace(/&n=\[.*\]$/, ""));
    const address = hostname.replace(/^\[(.*)\]$/, "$1");
    const pod = isIP(address) ? this.state.pods.find(({ ip }) => ip === address) : undefined;
    const to: FakeTarget = pod
      ? { to: "pod", service: pod.role }
      : { to: "service", service: hostname.split(".")[0] ?? "" };
    const path = pathname + search;
    const id = new URLSearchParams(search).get("probe") ?? "";
    const headers = headersIn(command);
    const count = Number(/\[1-(\d+)\]/.exec(url)?.[1] ?? 0);
    if (count > 0) {
      const answers = Array.from({ length: count }, (_, n) =>
        this.traffic.fromPod(source, to, { method, path: `${path}&n=${n + 1}`, id, authority: host, headers }),
      );
      return {
        code: 0,
        stdout: answers.map((shot) => `${String(shot.status).padStart(3, "0")} ${shot.seconds}`).join("\n"),
        stderr: "",
      };
    }
    const met = this.traffic.fromPod(source, to, { method, path, id, authority: host });
    return { code: met.exit, stdout: curlOutput(met), stderr: "" };
  };

  podGet: LabClient["podGet"] = async (target, port, path) => {
    const { role, node, labels } = this.#pod(target.name);
    if (port === 15000 && path.startsWith("/clusters")) return ok(clustersOf(this.state));
    if (port === 15000 && labels.app === "ztunnel") return ok(ztunnelConfig(this.state, node));
    if (port === 15000) return ok(role === "gateway" ? gatewayConfig(this.state) : waypointConfig(this.state, role));
    if (port === 15020 && role === "waypoint")
      return this.state.metricsUnavailable ? { ...ok(""), status: 503 } : ok(this.#waypointMetrics());
    if (port === 15020) return ok("");
    if (role === "grafana" && this.state.grafanaWithoutSource && path.includes("/proxy/"))
      return { ...ok(""), status: 502 };
    return ok(dashboards(this.state, role, path));
  };

  gateway: LabClient["gateway"] = async ({ method, path, host, headers, tls = false }) => {
    const id = headers["x-request-id"] ?? "";
    const met = this.traffic.throughGateway({ method, path, id, authority: host, headers, tls });
    const answered = { server: "istio-envoy", ...(met.location ? { location: met.location } : {}) };
    return { status: met.status, headers: answered, body: met.body, seconds: met.seconds };
  };

  handshake: LabClient["handshake"] = async (host, trusting) => handshakeWith(this.state, host, trusting);

  logs: LabClient["logs"] = async (target, since) => {
    const name = this.#logOf(target);
    if (this.state.unreadable.has(name)) throw new Error(`container "${target.container}" is waiting to start`);
    const lines = this.#written(name).slice(this.state.rotations.get(name) ?? 0);
    if (since === undefined) return lines.slice(-1);
    const second = since.slice(0, 19);
    return lines.slice(lines.findLastIndex((text) => text < second) + 1);
  };

  rotatedLogs: LabClient["rotatedLogs"] = async (target) =>
    this.#written(this.#logOf(target)).slice(0, this.state.rotations.get(this.#logOf(target)) ?? 0);

  sysctls: LabClient["sysctls"] = async (_node, names) =>
    Object.fromEntries(names.map((name) => [name, this.state.sysctls[name] ?? 0]));

  serverTime: LabClient["serverTime"] = async () => this.state.clock.now() + this.state.skewMs;

  patch: LabClient["patch"] = async ({ kind, namespace, name }, operations) => {
    this.beforePatch(operations);
    this.patches.push([...operations]);
    const key = keyOf(kind, namespace, name);
    const before = this.state.get(key);
    const patched = applyPatch(before, operations);
    this.state.objects.set(key, patched);
    const replicas = numberAt(patched, "spec", "replicas");
    if (kind === "Deployment" && replicas !== numberAt(before, "spec", "replicas")) this.state.rescale(patched);
    // A rollout creates new pods, which istio-cni enrols.
    if (kind === "Deployment" && JSON.stringify(operations).includes("restartedAt")) this.state.left.delete(name);
    return structuredClone(patched);
  };

  #call(source: FakePod, command: readonly string[]): { code: number; stdout: string; stderr: string } {
    const { hostname, pathname: path, host } = new URL(command.at(-1) ?? "");
    const [id = ""] = (headersIn(command)["x-request-id"] ?? "").split(" ");
    const target: FakeTarget = { to: "service", service: hostname.split(".")[0] ?? "" };
    const met = this.traffic.fromPod(source, target, { method: "POST", path, id, authority: host, grpc: true });
    return { code: met.exit, stdout: met.status > 0 ? grpcOutput(met, { path }) : "", stderr: met.error ?? "" };
  }

  killPod: LabClient["killPod"] = async ({ name, uid }) => this.state.chaos.kill(this.#pod(name), uid);

  nodeContainer: LabClient["nodeContainer"] = async (node) => this.state.chaos.container(node);

  power: LabClient["power"] = async (node, action) => {
    const here = this.state.pods.filter((pod) => pod.node === node && pod.namespace === "default");
    this.state.chaos.power(node, action);
    if (action === "kill")
      for (const { role, labels } of here)
        if (labels.app && this.state.isEnrolled(role)) this.state.left.set(role, "uncaptured");
    const anew = new Date(this.state.clock.now()).toISOString();
    for (const pod of this.state.pods) if (pod.node === node) this.state.startedAt.set(pod.role, anew);
  };

  /** A connection to a closed port of the node: ztunnel accepts redirected connections, and the node refuses all others. */
  #connected({ role }: FakePod): { code: number; stdout: string; stderr: string } {
    const captured = this.state.isEnrolled(role) && this.state.left.get(role) !== "uncaptured";
    return captured ? { code: 56, stdout: "0.000186", stderr: "" } : { code: 7, stdout: "0.000000", stderr: "" };
  }

  #pod(name: string): FakePod {
    const found = this.state.podNamed(name);
    if (!found) throw new Error(`pods "${name}" not found`);
    return found;
  }

  /** Name of a container's log; a sidecar has a separate log. */
  #logOf({ name, container }: PodRef): string {
    const pod = container === "istio-proxy" ? this.state.podNamed(name) : undefined;
    return pod && hasSidecar(pod) ? sidecarOf(pod).name : name;
  }

  #written(name: string): string[] {
    if (this.state.logsBroken) throw new Error("Get https://172.18.0.3:10250/containerLogs: dial tcp: i/o timeout");
    const lines = this.state.logs.get(name) ?? [];
    const now = this.state.clock.now();
    return lines.slice(0, lines.findLastIndex(({ at }) => at <= now) + 1).map(({ text }) => text);
  }

  #waypointMetrics(): string {
    const { allowed, denied } = this.state.counters;
    if (!this.state.pushed("AuthorizationPolicy/default/appb-l7")) return "";
    const series = (result: string, value: number) =>
      `envoy_http_rbac{authz_enforce_result="${result}",http_conn_manager_prefix="inbound_0.0.0.0_8000"} ${value}`;
    const draining = `envoy_listener_manager_total_filter_chains_draining{} ${this.state.drains ? 1 : 0}`;
    return ["# TYPE envoy_http_rbac counter", series("allowed", allowed), series("denied", denied), draining].join(
      "\n",
    );
  }
}

/** The EndpointSlices of Services, with the addresses of the selected pods. */
function endpointSlices(state: FakeState): KubeObject[] {
  const { pods } = state;
  return state.objects
    .ofKind("Service")
    .filter(({ spec }) => at(spec, "selector") !== undefined)
    .map(({ metadata, spec }) => {
      const own = pods.filter(
        ({ namespace, labels }) => namespace === metadata?.namespace && selects(at(spec, "selector"), labels),
      );
      const endpoints = own.map(({ ip }) => ({ addresses: [ip], conditions: { ready: true } }));
      const labels = {
        "kubernetes.io/service-name": metadata?.name ?? "",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
      };
      const key = `EndpointSlice/${metadata?.namespace}/${metadata?.name}-abcde`;
      return objectOf("discovery.k8s.io/v1", key, { addressType: "IPv4", endpoints }, { labels });
    });
}

/** A healthy lab, as the program declares it for the settings. The declaration is cached, so that processes need not load the SDK. */
export async function fakeWorld(settings: Partial<LabSettings> = {}): Promise<FakeWorld> {
  const { declaredLab } = await import("./declared.ts");
  return new FakeWorld(clusterOf(await declaredLab(settings)));
}

/** The headers of a curl command. */
const headersIn = (command: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    command.flatMap((word, index) => (word === "--header" ? [(command[index + 1] ?? "").split(": ")] : [])),
  );

const matches = (labels: Record<string, string>, wanted: Readonly<Record<string, string>>): boolean =>
  Object.entries(wanted).every(([key, value]) => labels[key] === value);

const statusOf = (name: string, uid: string, startedAt: string): object => ({
  name,
  containerID: `containerd://${containerId(uid, name)}`,
  state: { running: { startedAt } },
});

/** The containers of a pod, with the log level of a proxy as in Istio's templates. */
function proxyOf(labels: FakePod["labels"], name: string, level: string): object {
  if (hasSidecar({ labels }))
    return { containers: [{ name }], initContainers: [{ name: "istio-proxy", args: [`--proxyLogLevel=${level}`] }] };
  if (labels.app === "ztunnel") return { containers: [{ name, env: [{ name: "RUST_LOG", value: level }] }] };
  const isProxy = labels["gateway.networking.k8s.io/gateway-name"] !== undefined;
  return { containers: [{ name, ...(isProxy ? { args: ["--proxyLogLevel", level] } : {}) }] };
}

const podObject = (
  { namespace, name, labels, ip, node, uid, owner, container }: FakePod,
  ready: boolean,
  { startedAt = "2026-11-23T12:00:00Z", level = "info" }: { startedAt?: string; level?: string },
): KubeObject => ({
  kind: "Pod",
  metadata: {
    ...{ name, namespace, uid },
    labels: { ...labels, ...(owner?.kind === "ReplicaSet" ? { "pod-template-hash": templateHash } : {}) },
    ...(owner ? { ownerReferences: [{ ...owner, controller: true }] } : {}),
  },
  spec: { nodeName: node, ...proxyOf(labels, container, level) },
  status: {
    ...{ phase: "Running", podIP: ip, hostIP: "172.18.0.4" },
    conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
    containerStatuses: [statusOf(container, uid, startedAt)],
    // A native sidecar (Kubernetes 1.29) is an init container that keeps running.
    ...(hasSidecar({ labels }) ? { initContainerStatuses: [statusOf("istio-proxy", uid, startedAt)] } : {}),
  },
});

function curlOutput({ status, body, seconds, error, local }: FakeAnswer): string {
  const [, ip, port] = /^\[?(.*?)\]?:(\d+)$/.exec(local ?? ":0") ?? [];
  const head = status > 0 ? `HTTP/1.1 ${status} X\r\nserver: istio-envoy\r\n\r\n${body}` : "";
  const measured = {
    response_code: status,
    time_total: seconds,
    local_ip: ip,
    local_port: Number(port),
    errormsg: error ?? null,
  };
  return `${head}\n@@ambient-lab@@${JSON.stringify(measured)}`;
}

/** The current rules of the policy. */
export const rulesOf = (lab: FakeWorld): readonly unknown[] =>
  listAt(lab.state.get("AuthorizationPolicy/default/appb-l7"), "spec", "rules");

/** An annotation of the policy. */
export const annotationsOf = (lab: FakeWorld): unknown =>
  at(lab.state.get("AuthorizationPolicy/default/appb-l7"), "metadata", "annotations");

/** The field managers of the policy. */
export const ownersOf = (lab: FakeWorld): (string | undefined)[] =>
  listAt(lab.state.get("AuthorizationPolicy/default/appb-l7"), "metadata", "managedFields").map((entry) =>
    textAt(entry, "manager"),
  );
