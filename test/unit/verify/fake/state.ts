import type { LabFacts } from "../../../../experiments/types";
import { at, numberAt, textAt } from "../../../../verify/json";
import type { KubeObject } from "../../../../verify/lab-client";
import { FakeChaos } from "./chaos";
import type { FakeClock } from "./clock";
import { tlsListeners } from "./gateway-modules";
import { accountFor, namespaceOf } from "./identity";
import { moduleObjects } from "./module-objects";
import { storyObjects } from "./objects";
import type { FakePacket } from "./pcap";

/** A pod of the fake lab. */
export interface FakePod {
  namespace: string;
  name: string;
  role: string;
  ip: string;
  node: string;
  labels: Record<string, string>;
  /** ServiceAccount that it runs under. */
  account: string;
  uid: string;
}

interface LogLine {
  /** When the log has it, by the true clock. */
  at: number;
  text: string;
}

const worker = (n: number): string => `ambient-lab-dev-worker${n === 1 ? "" : n}`;

/** What the fake lab holds; tests break it by changing its objects or its flags. */
export class FakeState {
  readonly facts: LabFacts;
  readonly clock: FakeClock;
  readonly objects = new Map<string, KubeObject>();
  readonly logs = new Map<string, LogLine[]>();
  readonly counters = { allowed: 0, denied: 0 };
  /** Milliseconds by which the nodes' clock is ahead. */
  skewMs = 0;
  /** Every how many requests the client is held up by 2.5 s of its own, as on a busy machine; 0 is never. */
  heldUpEvery = 0;
  logsBroken = false;
  /** The CA in the file that the outputs name. */
  caFile = "Ambient lab CA";
  /** A CA that this machine trusts by itself. */
  machineTrusts = "Somebody Known";
  /** Lines of each pod's log that are in its rotated file. */
  readonly rotations = new Map<string, number>();
  /** Jaeger runs, and no proxy sends it anything. */
  spanless = false;
  /** What the waypoint's configuration says of a route, where it does something else. */
  readonly pretended = new Map<string, KubeObject>();
  /** Until when the waypoint serves open connections by its configuration before. */
  drainsUntil = 0;
  /** Nodes whose ztunnel is down. */
  readonly silentNodes = new Set<string>();
  /** Applications whose pods look healthy and left the mesh: ztunnel does not serve them, or nothing leads to it. */
  readonly left = new Map<string, "unknown" | "unserved" | "uncaptured">();
  /** When the containers of an application were started, where it is not at the beginning. */
  readonly startedAt = new Map<string, string>();
  readonly chaos: FakeChaos;
  /** What is on the wire between the nodes, while somebody listens. */
  wire: FakePacket[] | undefined;
  /** appf is where appa is. */
  together = false;
  /** The agentgateway hears of policies, as no version of it does. */
  agentgatewayEnforces = false;
  /** When Jaeger got its last trace; undefined is now. */
  lastTrace: number | undefined;
  /** Grafana does not reach Prometheus. */
  sourceless = false;
  /** The waypoint does not answer for its metrics. */
  countersHidden = false;
  /** What ztunnel refuses ends, by its own words, because nobody is to be reached. */
  unreachable = false;
  /** ztunnel says HBONE and sends plain text. */
  naked = false;
  #frozen: Map<string, KubeObject> | undefined;

  constructor(facts: LabFacts, clock: FakeClock) {
    this.facts = facts;
    this.clock = clock;
    this.chaos = new FakeChaos(clock);
    for (const item of [...storyObjects(facts), ...moduleObjects(facts.settings)])
      this.objects.set(keyOf(item.kind, item.metadata?.namespace, item.metadata?.name), item);
    if (facts.settings.modules.includes("gateway-tls")) {
      const { spec } = this.get("Gateway/default/gateway") as { spec: { listeners: unknown[] } };
      spec.listeners.push(...tlsListeners(facts.settings));
    }
  }

  /** The object that a test wants to look at or to break. */
  get(key: string): KubeObject {
    const found = this.objects.get(key);
    if (!found) throw new Error(`The fake lab has no ${key}`);
    return found;
  }

  /** What the proxies were told: without istiod they keep what they had. */
  told(key: string): KubeObject | undefined {
    return (this.#frozen ?? this.objects).get(key);
  }

  /** All objects of a kind as the proxies were told of them. */
  toldAll(kind: string): KubeObject[] {
    return [...(this.#frozen ?? this.objects).values()].filter((item) => item.kind === kind);
  }

  get drains(): boolean {
    return this.clock.now() < this.drainsUntil;
  }

  stopIstiod(): void {
    this.scale("istio-system/istiod");
    this.#frozen = structuredClone(this.objects);
  }

  /** Scales a Deployment to 0. */
  scale(name: string): void {
    const object = this.get(`Deployment/${name}`);
    object.spec = { ...Object(object.spec), replicas: 0 };
    object.status = { replicas: 0 };
  }

  runs(deployment: string, namespace: string): boolean {
    return (numberAt(this.objects.get(`Deployment/${namespace}/${deployment}`), "status", "readyReplicas") ?? 0) > 0;
  }

  get enrolled(): boolean {
    const labels = this.told("Namespace//default")?.metadata?.labels ?? {};
    return labels["istio.io/dataplane-mode"] === "ambient";
  }

  /** Whether the mesh was told to have an application's pods. */
  isEnrolled(role: string): boolean {
    const labels = this.told(`Namespace//${namespaceOf(role)}`)?.metadata?.labels ?? {};
    return labels["istio.io/dataplane-mode"] === "ambient" && role !== "outsider" && role !== "sniffer";
  }

  /** A Service or a ServiceEntry by its name: in the fake lab each has one of its own. */
  serviceNamed(name: string): KubeObject | undefined {
    const named = (kind: string) => this.toldAll(kind).find(({ metadata }) => metadata?.name === name);
    return named("Service") ?? named("ServiceEntry");
  }

  /** The waypoint that calls to a Service are led to: those of pods, or those of the gateway. */
  waypointFor(caller: "pod" | "gateway", service = "appb"): string | undefined {
    const found = this.serviceNamed(service)?.metadata;
    const labels = found?.labels ?? {};
    const waypoint = labels["istio.io/use-waypoint"];
    const namespace = labels["istio.io/use-waypoint-namespace"] ?? found?.namespace;
    const bound = admits(this.told(`Gateway/${namespace}/${waypoint}`), found?.namespace);
    return bound && (caller === "pod" || labels["istio.io/ingress-use-waypoint"] === "true") ? waypoint : undefined;
  }

  /** Application whose pods are behind a Service; a pod's own name stands for itself. */
  appBehind(service: string): string {
    const found = this.serviceNamed(service);
    const [elsewhere] = (textAt(found, "spec", "endpoints", 0, "address") ?? "").split(".");
    if (elsewhere) return this.appBehind(elsewhere);
    return textAt(found, "spec", "selector", "app") ?? service;
  }

  get pods(): FakePod[] {
    const app = (role: string, n: number, ip: string): FakePod[] =>
      this.runs(accountFor(role), namespaceOf(role))
        ? [pod(role, namespaceOf(role), worker(n), ip, { app: accountFor(role) })]
        : [];
    const proxy = (role: string, deployment: string, n: number, ip: string): FakePod[] =>
      this.runs(deployment, namespaceOf(role))
        ? [pod(role, namespaceOf(role), worker(n), ip, { "gateway.networking.k8s.io/gateway-name": role })]
        : [];
    const nodes = [...this.objects.values()]
      .filter(({ kind }) => kind === "Node")
      .map(({ metadata }) => metadata?.name ?? "");
    const addons = ["prometheus", "grafana", "tracing", "kiali"].filter((name) =>
      this.objects.has(`Service/istio-system/${name}`),
    );
    const sniffers = this.objects.has("DaemonSet/default/sniffer") ? [1, 2] : [];
    const istiod = (numberAt(this.objects.get("Deployment/istio-system/istiod"), "status", "readyReplicas") ?? 0) > 0;
    const all = [
      ...app("appa", 1, "10.244.1.5"),
      ...app("stranger", 1, "10.244.1.6"),
      ...app("appb", 2, "10.244.2.5"),
      ...app("outsider", 2, "10.244.2.6"),
      ...app("appb-v2", 1, "10.244.1.9"),
      ...app("appc", 1, "10.244.1.8"),
      ...app("appd", 2, "10.244.2.8"),
      ...app("appf", this.together ? 1 : 2, "10.244.2.13"),
      ...app("appg", 2, "10.244.2.14"),
      ...app("loadgen", 1, "10.244.1.20").map((each) => ({ ...each, account: this.#allowed })),
      ...sniffers.map((n) => pod("sniffer", "default", worker(n), `172.18.0.${n + 2}`, { app: "sniffer" }, n)),
      ...(istiod ? [pod("istiod", "istio-system", worker(1), "10.244.1.30", { app: "istiod" })] : []),
      ...proxy("gateway", "gateway-istio", 1, "10.244.1.7"),
      ...proxy("waypoint", "waypoint", 2, "10.244.2.7"),
      ...app("external", 2, "10.244.2.9"),
      ...app("appe", 2, "10.244.2.10"),
      ...app("grpc", 2, "10.244.2.12"),
      ...app("second-appa", 1, "10.244.1.11"),
      ...proxy("egress-waypoint", "egress-waypoint", 1, "10.244.1.10"),
      ...proxy("second-waypoint", "second-waypoint", 1, "10.244.1.12"),
      ...app("apph", 2, "10.244.2.15"),
      ...proxy("agentgateway", "agentgateway", 1, "10.244.1.13"),
      ...proxy("shared-waypoint", "shared-waypoint", 2, "10.244.2.11"),
      ...nodes
        .filter((node) => !this.silentNodes.has(node))
        .map((node, index) => pod(`ztunnel-${index}`, "istio-system", node, `10.244.${index}.2`, { app: "ztunnel" })),
      ...addons.map((name, index) => pod(name, "istio-system", worker(1), `10.244.1.${20 + index}`, { app: name })),
    ];
    return all.flatMap((each) => this.chaos.living(each));
  }

  /** The identity of a caller inside the mesh that the policy names. */
  get #allowed(): string {
    return this.facts.settings.allowedCallers.find((caller) => caller !== "gateway") ?? "appa";
  }

  podOf(role: string): FakePod | undefined {
    return this.pods.find((item) => item.role === role);
  }

  ztunnelOn(node: string): FakePod | undefined {
    return this.pods.find((item) => item.labels.app === "ztunnel" && item.node === node);
  }

  /** Writes a line into a pod's log; it can be read after the delay. */
  log(target: FakePod | undefined, text: (stamp: string) => string, delayMs: number): void {
    if (!target) return;
    const stampAt = (ms: number) => new Date(ms + this.skewMs).toISOString();
    const at = this.clock.now() + delayMs;
    const lines = this.logs.get(target.name) ?? [];
    lines.push({ at, text: `${stampAt(at)} ${this.#said(text(stampAt(this.clock.now())))}` });
    this.logs.set(target.name, lines);
  }

  #said(text: string): string {
    return this.unreachable ? text.replace(/ error="[^"]*"/, ' error="io error: Connection refused"') : text;
  }
}

const pod = (
  role: string,
  namespace: string,
  node: string,
  ip: string,
  labels: Record<string, string>,
  n = 0,
): FakePod => {
  const own = role === accountFor(role);
  const name = own ? `${role}-5d8f9c-x2x4z${n || ""}` : `${accountFor(role)}-6e9a0d-y3y5z`;
  return { namespace, name, role, ip, node, labels, account: role, uid: `uid of ${name}` };
};

/** Whether a waypoint takes Services of a namespace: of its own, or of the one that its listener names. */
function admits(gateway: KubeObject | undefined, namespace: string | undefined): boolean {
  if (!gateway) return false;
  const allowed = at(gateway, "spec", "listeners", 0, "allowedRoutes", "namespaces");
  if (textAt(allowed, "from") === "All") return true;
  if (textAt(allowed, "from") !== "Selector") return gateway.metadata?.namespace === namespace;
  return textAt(allowed, "selector", "matchLabels", "kubernetes.io/metadata.name") === namespace;
}

export const keyOf = (kind = "", namespace = "", name = ""): string => `${kind}/${namespace}/${name}`;
