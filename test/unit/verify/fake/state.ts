import { principalOf } from "../../../../config/vocabulary";
import type { LabFacts } from "../../../../experiments/types";
import { clientOf, costPaths, growing, interopServers, meter, serverOf } from "../../../../modules/cost/objects";
import { at, listAt, numberAt, textAt } from "../../../../verify/json";
import type { KubeObject } from "../../../../verify/lab-client";
import { FakeChaos } from "./chaos";
import type { FakeClock } from "./clock";
import type { FakeCluster } from "./cluster";
import type { FakeEndpoint } from "./endpoints";
import { keyOf, keyOfObject, type ObjectMap, selects } from "./object-key";
import type { FakePacket } from "./pcap";
import { attachment } from "./waypoints";

/** A pod of the fake lab. */
export interface FakePod {
  namespace: string;
  name: string;
  role: string;
  ip: string;
  node: string;
  labels: Record<string, string>;
  /** Name of its ServiceAccount. */
  account: string;
  /** Identity of the ServiceAccount. */
  principal: string;
  /** Its container; istiod adds another one to a pod with a sidecar. */
  container: string;
  uid: string;
  /** Controller that owns the pod; undefined for a pod that was created directly. */
  owner?: { kind: string; name: string };
}

/** A line of a pod's log; the lines are in the order in which they can be read. */
interface LogLine {
  /** Time at which the line is in the log, by the true clock. */
  at: number;
  text: string;
}

/** A workload of the lab, with the worker and the address of its pod. */
interface Workload {
  role: string;
  /** Key of its Deployment. */
  key: string;
  worker: number;
  ip: string;
}

const at1 = (role: string, ip: number, key = `default/${role}`): Workload => ({
  ...{ role, key: `Deployment/${key}`, worker: 1, ip: `10.244.1.${ip}` },
});
const at2 = (role: string, ip: number, key?: string): Workload => ({
  ...{ ...at1(role, ip, key), worker: 2, ip: `10.244.2.${ip}` },
});

const workloads = new Map<string, Workload>();
for (const each of [
  ...[at1("appa", 5), at1("stranger", 6), at2("appb", 5), at2("outsider", 6), at1("appb-v2", 9), at1("appc", 8)],
  ...[at2("appd", 8), at2("appf", 13), at2("appg", 14), at1("loadgen", 20), at1("istiod", 30, "istio-system/istiod")],
  ...[at1("gateway", 7, "default/gateway-istio"), at2("waypoint", 7), at2("external", 9, "outside/external")],
  ...[at2("appe", 10, "second/appe"), at2("grpc", 12), at1("second-appa", 11, "second/appa"), at2("apph", 15)],
  ...[at1("egress-waypoint", 10, "egress/egress-waypoint"), at1("second-waypoint", 12, "second/second-waypoint")],
  ...[at1("agentgateway", 13), at2("shared-waypoint", 11), at1("cost-proxy", 54)],
  ...costPaths.map((path, index) => at1(serverOf(path), 50 + index)),
  ...costPaths.map((path, index) => at2(clientOf(path), 50 + index)),
  ...interopServers.map(({ app }, index) => at1(app, 60 + index)),
  ...[at1(growing.ambient, 100), at1(growing.sidecar, 150)],
])
  workloads.set(each.role, each);

/** Name of the only pod of a role. A workload with the name of another one has a different suffix. */
const podName = (role: string): string => (role === "second-appa" ? "appa-6e9a0d-y3y5z" : `${role}-5d8f9c-x2x4z`);

/** DaemonSets of the lab, by the roles of their pods. */
const daemonSets: Readonly<Record<string, string>> = {
  sniffer: "DaemonSet/default/sniffer",
  [meter]: `DaemonSet/default/${meter}`,
};

const rolesByPod = new Map([...workloads.keys()].map((role) => [podName(role), role]));

const worker = (n: number): string => `ambient-lab-dev-worker${n === 1 ? "" : n}`;

/** The state of the fake lab. Tests break the lab by changing its objects or its flags. */
export class FakeState {
  readonly facts: LabFacts;
  readonly clock: FakeClock;
  readonly objects: ObjectMap;
  readonly published: FakeCluster["published"];
  readonly sysctls: FakeCluster["sysctls"];
  readonly logs = new Map<string, LogLine[]>();
  readonly counters = { allowed: 0, denied: 0 };
  /** Milliseconds by which the clock of the nodes is ahead. */
  skewMs = 0;
  /** Every Nth request is delayed by 2.5 s at the client, as on a busy machine; 0 for none. */
  slowRequestEvery = 0;
  logsBroken = false;
  /** The CA in the file whose path is in the outputs. */
  caFile = "Ambient lab CA";
  /** A CA in the trust store of this machine. */
  systemCa = "Somebody Known";
  /** Lines of each pod's log that are in its rotated file. */
  readonly rotations = new Map<string, number>();
  /** Services whose spans do not arrive at Jaeger. */
  readonly withoutSpans = new Set<string>();
  /** Tracing settings in the configuration of the proxies, if they differ from the mesh configuration; undefined for none. */
  tracing: { is: object | undefined } | undefined;
  /** Health status of the collector's endpoint in a proxy; undefined without an endpoint. */
  collectorHealth: string | undefined = "HEALTHY";
  /** Number of failed requests of a proxy to the collector. */
  collectorErrors = 0;
  /** Whether pods have IPv6 addresses. */
  ipv6 = false;
  /** Whether proxies write their logs as JSON. */
  json = false;
  /** Log levels of proxies by the role of their pods. @default info */
  readonly proxyLevels = new Map<string, string>();
  /** Whether ztunnel also logs opened connections, as with the log level debug. The line about the end is then late. */
  verbose = false;
  /** Trust domain of the identities. */
  trustDomain = "cluster.local";
  /** Whether all proxies lack request metrics. */
  withoutCounters = false;
  /** Objects as the configuration dumps of the proxies show them, if the proxies behave differently. */
  readonly dumped = new Map<string, KubeObject>();
  /** Changes to the endpoints that istiod sends to a proxy, by "proxy cluster". */
  readonly endpointsChanged = new Map<string, (endpoints: FakeEndpoint[]) => FakeEndpoint[]>();
  /** Time until which the waypoint uses its previous configuration for open connections. */
  drainsUntil = 0;
  /** Pods that do not belong to a workload of the lab. */
  readonly foreignPods: FakePod[] = [];
  /** Nodes whose ztunnel does not run. */
  readonly nodesWithoutZtunnel = new Set<string>();
  /** Applications with healthy pods that are not in the mesh: ztunnel does not have them, or their traffic is not redirected. */
  readonly left = new Map<string, "unknown" | "unserved" | "uncaptured">();
  /** Start times of the containers of applications, if not the start of the lab. */
  readonly startedAt = new Map<string, string>();
  readonly chaos: FakeChaos;
  /** Packets between the nodes while a capture runs. */
  packets: FakePacket[] | undefined;
  /** Whether appf runs on the node of appa. */
  onOneNode = false;
  /** Whether the agentgateway enforces policies; no version of Istio configures them. */
  agentgatewayEnforces = false;
  /** Time of the last trace in Jaeger; undefined for the current time. */
  lastTrace: number | undefined;
  /** Whether Grafana cannot reach Prometheus. */
  grafanaWithoutSource = false;
  /** Whether the metrics of the waypoint are not available. */
  metricsUnavailable = false;
  /** Whether ztunnel logs refused connections as "Connection refused" instead of the policy rejection. */
  unreachable = false;
  /** Nodes of applications that are scheduled on another node than the lab prefers. */
  readonly elsewhere = new Map<string, string>();
  /** Applications whose pods never become ready. */
  readonly unready = new Set<string>();
  /** Names of logs that cannot be read. */
  readonly unreadable = new Set<string>();
  /** Whether ztunnel reports HBONE and sends plain text. */
  sendsPlainText = false;
  #frozen: ObjectMap | undefined;
  readonly #stamps = new Map<number, string>();

  constructor({ facts, objects, published, sysctls }: FakeCluster, clock: FakeClock) {
    this.facts = facts;
    this.objects = objects;
    this.published = published;
    this.sysctls = sysctls;
    this.clock = clock;
    this.chaos = new FakeChaos(clock);
  }

  /** Returns an object, which a test may change. */
  get(key: string): KubeObject {
    const found = this.objects.get(key);
    if (!found) throw new Error(`The fake lab has no ${key}`);
    return found;
  }

  /** The object as istiod pushed it last: without istiod the proxies keep their configuration. */
  pushed(key: string): KubeObject | undefined {
    return (this.#frozen ?? this.objects).get(key);
  }

  /** All objects of a kind as istiod pushed them last. */
  pushedAll(kind: string): readonly KubeObject[] {
    return (this.#frozen ?? this.objects).ofKind(kind);
  }

  /** An object as the configuration dumps of the proxies show it. */
  asDumped(object: KubeObject): KubeObject {
    return this.dumped.get(keyOfObject(object)) ?? object;
  }

  get drains(): boolean {
    return this.clock.now() < this.drainsUntil;
  }

  stopIstiod(): void {
    this.scale("istio-system/istiod");
    this.#frozen = this.objects.copy();
  }

  /** Scales a Deployment to 0. */
  scale(name: string): void {
    const object = this.get(`Deployment/${name}`);
    object.spec = { ...Object(object.spec), replicas: 0 };
    object.status = { replicas: 0 };
  }

  /** Updates the status of a Deployment after a change of its replicas. */
  rescale(deployment: KubeObject): void {
    const replicas = numberAt(deployment, "spec", "replicas") ?? 1;
    const ready = this.unready.has(deployment.metadata?.name ?? "") ? 0 : replicas;
    deployment.status = { replicas, readyReplicas: ready, updatedReplicas: replicas };
  }

  /** Whether the pods of a workload are enrolled in the mesh: by the label of the namespace, unless the pods opt out. */
  isEnrolled(role: string): boolean {
    const key = daemonSets[role] ?? workloads.get(role)?.key;
    const workload = key === undefined ? undefined : this.pushed(key);
    const namespace = this.pushed(keyOf("Namespace", "", workload?.metadata?.namespace));
    const mode = "istio.io/dataplane-mode";
    return namespace?.metadata?.labels?.[mode] === "ambient" && podLabels(workload)[mode] !== "none";
  }

  /** A Service or a ServiceEntry by its name, which is unique in the fake lab. */
  serviceNamed(name: string): KubeObject | undefined {
    const isNamed = ({ metadata }: KubeObject) => metadata?.name === name;
    return this.pushedAll("Service").find(isNamed) ?? this.pushedAll("ServiceEntry").findLast(isNamed);
  }

  /** The waypoint to which requests for a Service are sent, for requests of pods or of the gateway. */
  waypointFor(caller: "pod" | "gateway", service: string): string | undefined {
    const found = this.serviceNamed(service);
    const attached = found && attachment(found, (key) => this.pushed(key));
    if (!attached || attached.problem) return undefined;
    const ingress = found.metadata?.labels?.["istio.io/ingress-use-waypoint"] === "true";
    return caller === "pod" || ingress ? attached.waypoint.split("/")[1] : undefined;
  }

  /**
   * Role of the pods behind port 8000 of a Service, or "" when no pod listens there. The name of a pod is returned as it is.
   */
  appBehind(service: string): string {
    const found = this.serviceNamed(service);
    if (!found) return service;
    const [elsewhere] = (textAt(found, "spec", "endpoints", 0, "address") ?? "").split(".");
    if (elsewhere) return this.appBehind(elsewhere);
    const entry = listAt(found, "spec", "ports").find((port) => numberAt(port, "port") === 8000);
    for (const { role, key } of workloads.values()) {
      const workload = this.pushed(key);
      if (
        workload?.metadata?.namespace === found.metadata?.namespace &&
        selects(at(found, "spec", "selector"), podLabels(workload)) &&
        listAt(workload, "spec", "template", "spec", "containers", 0, "ports").some(
          (port) => at(port, "containerPort") === at(entry, "targetPort"),
        )
      )
        return role;
    }
    return "";
  }

  get pods(): FakePod[] {
    const sniffer = this.objects.get("DaemonSet/default/sniffer");
    const addons = ["prometheus", "grafana", "jaeger", "kiali"].filter((name) =>
      this.objects.has(`Service/istio-system/${name === "jaeger" ? "tracing" : name}`),
    );
    const addon = (app: string) => ({ metadata: { namespace: "istio-system" }, spec: template({ app }) });
    return [
      ...[...workloads.values()].flatMap((each) => this.#podsOf(each)),
      ...(sniffer
        ? [1, 2].flatMap((n) =>
            this.#pod("sniffer", sniffer, worker(n), `172.18.0.${n + 2}`, `sniffer-5d8f9c-x2x4z${n}`),
          )
        : []),
      ...this.#meters(),
      ...addons.flatMap((name, index) => this.#pod(name, addon(name), worker(1), `10.244.1.${40 + index}`)),
      ...this.#ztunnels(),
      ...this.foreignPods,
    ];
  }

  /** The ready pods of a workload; all pods if a test sets the workload as not ready. */
  #podsOf({ role, key, worker: n, ip }: Workload): FakePod[] {
    const workload = this.objects.get(key);
    const count = numberAt(workload, "status", this.unready.has(role) ? "replicas" : "readyReplicas") ?? 0;
    if (count === 0) return [];
    const node = this.elsewhere.get(role) ?? worker(role === "appf" && this.onOneNode ? 1 : n);
    const first = this.#pod(role, workload, node, ip);
    if (count === 1) return first;
    const [net = "", host] = ip.split(/\.(?=\d+$)/);
    const further = Array.from({ length: count - 1 }, (_, index) =>
      this.#pod(role, workload, node, `${net}.${Number(host) + index + 1}`, `${podName(role)}-of-${index + 2}`),
    );
    return [...first, ...further.flat()];
  }

  /** Pods of the DaemonSet `cost-meter`, on the nodes without taints. */
  #meters(): FakePod[] {
    const daemonSet = this.objects.get(`DaemonSet/default/${meter}`);
    const nodes = daemonSet ? this.objects.ofKind("Node") : [];
    return nodes.flatMap(({ metadata, spec }, n) =>
      listAt(spec, "taints").length === 0
        ? this.#pod(meter, daemonSet, metadata?.name ?? "", `10.244.${n}.90`, `${podName(meter)}${n}`)
        : [],
    );
  }

  #ztunnels(on?: string): FakePod[] {
    const ztunnel = this.objects.get("DaemonSet/istio-system/ztunnel");
    const nodes = ztunnel ? this.objects.ofKind("Node") : [];
    return nodes
      .map(({ metadata }) => metadata?.name ?? "")
      .filter((node) => !this.nodesWithoutZtunnel.has(node))
      .flatMap((node, index) =>
        on === undefined || on === node ? this.#pod(`ztunnel-${index}`, ztunnel, node, `10.244.${index}.2`) : [],
      );
  }

  /** A pod of a workload with its node, address and identity; none while it is killed. */
  #pod(role: string, workload: KubeObject | undefined, node: string, ip: string, name = podName(role)): FakePod[] {
    const namespace = workload?.metadata?.namespace ?? "default";
    const account = textAt(workload?.spec, "template", "spec", "serviceAccountName") ?? "default";
    const single = this.facts.settings.workers === 1 && node === worker(2);
    return this.chaos.current({
      namespace,
      name,
      role,
      ip: this.ipv6 ? ip.replace(/^(\d+)\.(\d+)\.(\d+)\.(\d+)$/, "fd00:$1:$2:$3::$4") : ip,
      node: single ? worker(1) : node,
      labels: podLabels(workload),
      account,
      principal: principalOf(account, namespace).replace(/^[^/]+/, this.trustDomain),
      container: textAt(workload?.spec, "template", "spec", "containers", 0, "name") ?? "main",
      uid: `uid of ${name}`,
      owner: ownerOf(workload),
    });
  }

  podOf(role: string): FakePod | undefined {
    const workload = workloads.get(role);
    return workload && this.#podsOf(workload)[0];
  }

  podNamed(name: string): FakePod | undefined {
    const own = this.podOf(rolesByPod.get(name) ?? "");
    return own?.name === name ? own : this.pods.find((pod) => pod.name === name);
  }

  ztunnelOn(node: string): FakePod | undefined {
    return this.#ztunnels(node)[0];
  }

  /** Writes a line into the log of a pod, or of its {@link sidecarOf}. The line can be read after the delay. */
  log(target: Pick<FakePod, "name"> | undefined, text: (stamp: string) => string, delayMs: number): void {
    if (!target) return;
    const at = this.clock.now() + delayMs;
    const lines = this.logs.get(target.name) ?? [];
    const before = lines.findLastIndex((line) => line.at <= at);
    lines.splice(before + 1, 0, {
      at,
      text: `${this.#stampAt(at)} ${this.#asLogged(text(this.#stampAt(this.clock.now())))}`,
    });
    this.logs.set(target.name, lines);
  }

  /** A time by the clock of the nodes, cached because many lines have the same time. */
  #stampAt(ms: number): string {
    const theirs = ms + this.skewMs;
    const stamp = this.#stamps.get(theirs) ?? new Date(theirs).toISOString();
    this.#stamps.set(theirs, stamp);
    return stamp;
  }

  #asLogged(text: string): string {
    return this.unreachable ? text.replace(/ error="[^"]*"/, ' error="io error: Connection refused"') : text;
  }
}

/** Whether istiod injects a sidecar into a pod. */
export const hasSidecar = ({ labels }: Pick<FakePod, "labels">): boolean =>
  labels["sidecar.istio.io/inject"] === "true";

/** The sidecar of a pod, which has a separate log. */
export const sidecarOf = ({ name }: FakePod): Pick<FakePod, "name"> => ({ name: `${name}/istio-proxy` });

const template = (labels: object) => ({ template: { metadata: { labels } } });

/** Labels of a workload's pods. */
function podLabels(workload: KubeObject | undefined): Record<string, string> {
  const labels: Record<string, string> = {};
  const found = Object(at(workload, "spec", "template", "metadata", "labels"));
  for (const key in found) labels[key] = String(found[key]);
  return labels;
}

/** A Deployment's pods belong to its ReplicaSet, which has the hash of the pod's template in its name. */
const ownerOf = (workload: KubeObject | undefined): { kind: string; name: string } =>
  workload?.kind === "DaemonSet"
    ? { kind: "DaemonSet", name: workload.metadata?.name ?? "" }
    : { kind: "ReplicaSet", name: `${workload?.metadata?.name ?? "addon"}-${templateHash}` };

/** Value of the label pod-template-hash of all pods. */
export const templateHash = "5d8f9c";
