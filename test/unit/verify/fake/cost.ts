import { createHash } from "node:crypto";
import type { CommandResult } from "../../../../verify/lab-client";
import { type FakePod, type FakeState, hasSidecar } from "./state";
import type { Traffic } from "./traffic";

/** ID of a container at the container runtime. */
export const containerId = (uid: string, container: string): string =>
  createHash("sha256").update(`${uid} ${container}`).digest("hex");

/** Latency of each path in milliseconds, and its capacity in requests per second. */
const paths = {
  none: { ms: 0.5, capacity: 4_000 },
  ztunnel: { ms: 0.7, capacity: 3_000 },
  waypoint: { ms: 1.5, capacity: 1_400 },
  sidecar: { ms: 2, capacity: 1_000 },
};
type Path = keyof typeof paths;

/** CPU time of a proxy for one request, in microseconds. */
const cpuUs = { ztunnel: 40, envoy: 200 };
/** CPU time of a proxy without requests, in microseconds per second. */
const idleUs = 500;
const mib = 1024 ** 2;

/** A load, by the options of vegeta. */
interface FakeLoad {
  path: Path;
  grpc: boolean;
  seconds: number;
  /** Index of the load among the loads of the same duration. */
  nth: number;
  perSecond: number;
  sent: number;
}

/** Loads of vegeta, and the usage of the proxies in the control groups of the nodes. */
export class FakeCost {
  /** Number of requests of a load that fail, which tests change. */
  failures: (load: FakeLoad) => number = () => 0;
  /** Factor of the latencies of a load. */
  slowness: (load: FakeLoad) => number = ({ nth }) => 1 + ((nth * 7) % 11) / 100;
  /** Available memory of each node, in KiB. */
  availableKib = 12_000_000;
  /** Whether the image of the clients lacks vegeta. */
  vegetaMissing = false;
  readonly #state: FakeState;
  readonly #traffic: Traffic;
  /** CPU time of requests by the name of the pod, in microseconds. */
  readonly #used = new Map<string, number>();
  readonly #loads = new Map<number, number>();

  constructor(state: FakeState, traffic: Traffic) {
    this.#state = state;
    this.#traffic = traffic;
  }

  /** `sh -c SCRIPT load TARGET OPTION...`: prints the report of vegeta v12.13.0 (lib/metrics.go). */
  async load(source: FakePod, [target = "", ...options]: string[]): Promise<CommandResult> {
    if (this.vegetaMissing) return { code: 127, stdout: "", stderr: "sh: vegeta: not found" };
    const { method, url, header } = JSON.parse(target);
    const option = (name: string) => options.find((each) => each.startsWith(`-${name}=`))?.split("=")[1] ?? "";
    const authority: string = header.Host[0];
    const [service = ""] = authority.split(".");
    const grpc = options.includes("-h2c");
    const seconds = Number.parseInt(option("duration"), 10) / 1_000;
    const perSecond = Number.parseInt(option("rate"), 10);
    const sent = Math.max(1, Math.round(perSecond * seconds));
    const { pathname, search } = new URL(url);
    const id = header["User-Agent"][0].replace("probe=", "");
    const request = { method, path: pathname + search, id, authority, ...(grpc ? { grpc } : {}) };
    // All requests of a warm-up are sent. Of a larger load, which no check finds in the logs, only one request is sent, whose result counts for all.
    const single = sent > 50 ? 1 : sent;
    const answers = Array.from({ length: single }, () =>
      this.#traffic.fromPod(source, { to: "service", service }, request),
    );
    const path = this.#pathOf(source, service);
    const nth = this.#loads.get(seconds) ?? 0;
    this.#loads.set(seconds, nth + 1);
    const load = { path, grpc, nth, seconds, perSecond, sent };
    const refused = answers.filter(({ status }) => status !== 200).length * (sent / single);
    const failed = Math.min(sent, refused + this.failures(load));
    const worst = answers.find(({ status }) => status !== 200);
    this.#charge(source, service, path, sent);
    await this.#state.clock.sleep(seconds * 1_000, new AbortController().signal);
    // For HTTP, vegeta reads no body (-max-body=0); the message of an allowed gRPC call has seven bytes.
    const read = grpc ? 7 * (sent - failed) : 0;
    // The HTTP status of a refused gRPC call is also 200.
    const good = grpc && !answers.some(({ status }) => status === 0) ? sent : sent - failed;
    const ms = (paths[path].ms + (option("keepalive") === "true" ? 0 : 0.4)) * this.slowness(load);
    const late = perSecond > paths[path].capacity ? 200 : 1;
    const report = {
      latencies: {
        ...{ total: ms * sent * 1e6, mean: ms * 1e6, "50th": ms * 1e6, "90th": ms * 1.8e6, "95th": ms * 2.2e6 },
        ...{ "99th": ms * late * 3e6, max: ms * late * 4e6, min: ms * 0.6e6 },
      },
      ...{ bytes_in: { total: read, mean: read / sent } },
      ...{ bytes_out: { total: 0, mean: 0 }, duration: seconds * 1e9, wait: ms * 1e6, requests: sent },
      ...{ rate: perSecond, throughput: (good / sent) * perSecond, success: good / sent },
      status_codes: { "200": good, ...(good < sent ? { [String(worst?.status ?? 0)]: sent - good } : {}) },
      errors: good < sent ? [worst?.error ?? (worst ? `${worst.status} refused` : "EOF")] : [],
    };
    return { code: 0, stdout: `${JSON.stringify(report)}\n`, stderr: "" };
  }

  #pathOf(source: FakePod, service: string): Path {
    if (hasSidecar(source)) return "sidecar";
    if (!this.#state.isEnrolled(source.role)) return "none";
    return this.#state.waypointFor("pod", service) ? "waypoint" : "ztunnel";
  }

  /** Adds the CPU time of a load to the proxies of its path. */
  #charge(source: FakePod, service: string, path: Path, sent: number): void {
    const state = this.#state;
    const server = state.podOf(state.appBehind(service));
    const add = (pod: FakePod | undefined, us: number) => {
      if (pod) this.#used.set(pod.name, (this.#used.get(pod.name) ?? 0) + us * sent);
    };
    if (path === "sidecar") for (const end of [source, server]) add(end, cpuUs.envoy);
    if (path === "ztunnel" || path === "waypoint")
      for (const end of [source, server]) add(end && state.ztunnelOn(end.node), cpuUs.ztunnel);
    if (path === "waypoint") add(state.podOf(state.waypointFor("pod", service) ?? ""), cpuUs.envoy);
  }

  /** `sh -c SCRIPT meter ROOT ID...`: prints the output of the script, with version 2 of control groups. */
  meter({ node }: FakePod, ids: readonly string[]): string {
    const here = this.#state.pods.filter((pod) => pod.node === node);
    const proxies = new Map(here.map((pod) => [containerId(pod.uid, "istio-proxy"), pod]));
    const lines = ids.map((id) => {
      const pod = proxies.get(id);
      if (!pod) return `${id} v2   `;
      const idle = (this.#state.clock.now() / 1_000) * idleUs;
      const cpu = Math.round((this.#used.get(pod.name) ?? 0) + idle);
      return `${id} v2 ${cpu} ${this.#memoryOf(pod, here)} ${mib}`;
    });
    return [...lines, `available ${this.availableKib}`].join("\n");
  }

  /** Memory of a proxy in bytes. The memory of a ztunnel grows with the pods of its node. */
  #memoryOf(pod: FakePod, here: readonly FakePod[]): number {
    if (pod.labels.app === "ztunnel") return 20 * mib + Math.round(0.2 * mib * here.length);
    if (!hasSidecar(pod)) return 60 * mib;
    return 50 * mib + (Number.parseInt(containerId(pod.uid, "memory").slice(0, 4), 16) % 4_096) * 512;
  }
}
