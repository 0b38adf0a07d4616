import { messageOf } from "../../host/errors";
import type { Clock } from "../../verify/eventually";
import { listAt, textAt } from "../../verify/json";
import type { ClusterClient, KubeObject, PodRef } from "../../verify/lab-client";
import { LogReader, type LogRecords, recordsIn, unavailableIn } from "../../verify/logs/log-reader";
import { textOf } from "../computed/objects/mesh-objects";
import { isProxy, runningPods } from "../computed/objects/pods";
import type { Mesh, NamespacedName } from "../types";
import { type LayerRecords, type MeshRecords, type Observation, observe } from "./observe";
import { answersIn, manager, type ProbeAnswer, type ProbePod, probeContainer, probeLabels } from "./pod";

/** Options for sending requests. */
export interface RunOptions {
  client: ClusterClient;
  mesh: Mesh;
  clock: Clock;
  signal: AbortSignal;
  /** A signal for the deletion of probe pods after `signal` was aborted. */
  cleanupSignal: () => AbortSignal;
  /** Probe pods that exist at one time. */
  concurrency: number;
  /** Is called when the requests of a pod have been sent. */
  sent?: (requests: number) => void;
}

/** Deadline for the start of a probe pod, in milliseconds; its image may have to be pulled. */
const startMs = 120_000;
/** Time between two reads of the probe pods, in milliseconds. */
const intervalMs = 500;
/** Time for the records of requests that were answered. Envoy writes its access log about once a second. */
const recordsMs = 15_000;

/** Sends the requests of all pods, deletes the pods, and derives the decisions from the records of the mesh. */
export async function sendProbes(pods: readonly ProbePod[], options: RunOptions): Promise<Observation[]> {
  const { client, mesh, clock, signal } = options;
  const logs = new LogReader(client, clock, signal);
  const layers = proxyPods(mesh);
  await logs.open([...layers.gateway, ...layers.waypoint, ...layers.ztunnel]);
  const outcomes = await runPods(pods, options);
  const observed = async (): Promise<Observation[]> => {
    const records: MeshRecords = {
      gateway: await layerRecords(logs, layers.gateway, "requests"),
      waypoint: await layerRecords(logs, layers.waypoint, "requests"),
      ztunnel: await layerRecords(logs, layers.ztunnel, "connections"),
    };
    const proxies = new Set([...layers.gateway, ...layers.waypoint].map(({ name }) => name));
    return outcomes.flatMap(({ pod, answers, failure }) =>
      pod.probes.map((probe) =>
        observe(probe, answers.get(probe.id), records, { pod: pod.name, proxies, ...(failure ? { failure } : {}) }),
      ),
    );
  };
  const end = clock.now() + recordsMs;
  for (;;) {
    const observations = await observed();
    const waits = observations.some(({ answer, decision }) => answer !== undefined && decision.outcome === "unknown");
    if (!waits || clock.now() >= end) return observations;
    await clock.sleep(intervalMs, signal);
  }
}

/** The proxies whose logs have records of requests, by layer. */
function proxyPods(mesh: Mesh): Record<"gateway" | "waypoint" | "ztunnel", PodRef[]> {
  const container = (pod: KubeObject): PodRef => ({
    namespace: pod.metadata?.namespace ?? "",
    name: pod.metadata?.name ?? "",
    container: textAt(pod, "spec", "containers", 0, "name") ?? "",
  });
  const running = runningPods(mesh);
  const proxies = running.filter(isProxy);
  const isWaypoint = ({ metadata }: KubeObject) =>
    metadata?.labels?.["gateway.istio.io/managed"] === "istio.io-mesh-controller";
  return {
    gateway: proxies.filter((pod) => !isWaypoint(pod)).map(container),
    waypoint: proxies.filter(isWaypoint).map(container),
    ztunnel: running.filter(({ metadata }) => metadata?.labels?.app === "ztunnel").map(container),
  };
}

async function layerRecords<Kind extends keyof LogRecords>(
  logs: LogReader,
  pods: readonly PodRef[],
  kind: Kind,
): Promise<LayerRecords<LogRecords[Kind][number]>> {
  const reads = await Promise.all(pods.map((pod) => logs.read(pod)));
  return { lines: recordsIn(reads, kind), ...unavailableIn(reads) };
}

interface PodOutcome {
  pod: ProbePod;
  answers: ReadonlyMap<string, ProbeAnswer>;
  /** Why it sent nothing, or not all. */
  failure?: string;
}

/** Runs the pods, a limited number at a time, and always deletes all of them. */
async function runPods(pods: readonly ProbePod[], options: RunOptions): Promise<PodOutcome[]> {
  const { client, clock, signal, sent } = options;
  const waiting = [...pods];
  const running = new Map<string, { pod: ProbePod; until: number }>();
  const outcomes: PodOutcome[] = [];
  const done = (pod: ProbePod, answers: PodOutcome["answers"], failure?: string) => {
    outcomes.push({ pod, answers, ...(failure ? { failure } : {}) });
    sent?.(pod.probes.length);
  };
  try {
    while (waiting.length > 0 || running.size > 0) {
      while (running.size < options.concurrency) {
        const pod = waiting.shift();
        if (!pod) break;
        try {
          running.set(textOf(pod.name), { pod, until: clock.now() + startMs });
          await client.create(pod.object, signal);
        } catch (error) {
          signal.throwIfAborted();
          running.delete(textOf(pod.name));
          done(pod, new Map(), `the probe pod was not created: ${messageOf(error)}`);
        }
      }
      const held = await probePods(
        options,
        [...running.values()].map(({ pod }) => pod),
      );
      for (const [key, { pod, until }] of running) {
        const object = held.get(key);
        const failure = failureOf(object, clock.now() > until);
        if (!hasEnded(object) && failure === undefined) continue;
        const output = hasEnded(object) ? await client.output({ ...pod.name, container: probeContainer }, signal) : "";
        const answers = answersIn(output);
        await client.deletePod(pod.name, signal);
        running.delete(key);
        done(pod, answers, failure ?? (answers.size < pod.probes.length ? cutOff(output) : undefined));
      }
      if (running.size > 0) await clock.sleep(intervalMs, signal);
    }
    return outcomes;
  } finally {
    const left = [...running.values()].map(({ pod }) => client.deletePod(pod.name, options.cleanupSignal()));
    await Promise.allSettled(left);
  }
}

/** Why a pod ended before it sent all requests: the last line of its log. */
function cutOff(output: string): string {
  const last = output.trim().split("\n").at(-1) ?? "";
  const said = last !== "" && answersIn(last).size === 0 ? `: ${last}` : "";
  return `the probe pod ended before it sent the request${said}`;
}

/** The probe pods of the run as the cluster has them, by namespace and name. */
async function probePods({ client, signal }: RunOptions, pods: readonly ProbePod[]): Promise<Map<string, KubeObject>> {
  const namespaces = new Set(pods.map(({ name }) => name.namespace));
  const labels = pods[0]?.object.metadata?.labels ?? {};
  const run = { [probeLabels.run]: labels[probeLabels.run] ?? "" };
  const lists = [...namespaces].map((namespace) =>
    client.list({ apiVersion: "v1", kind: "Pod", namespace, labels: run }, signal),
  );
  const named = (pod: KubeObject) =>
    textOf({ namespace: pod.metadata?.namespace ?? "", name: pod.metadata?.name ?? "" });
  return new Map((await Promise.all(lists)).flat().map((pod) => [named(pod), pod]));
}

const hasEnded = (pod: KubeObject | undefined): boolean =>
  ["Succeeded", "Failed"].includes(textAt(pod, "status", "phase") ?? "");

/** Reasons of waiting containers that will not start (kubelet, pkg/kubelet/images and kuberuntime). */
const fatalReasons = [
  "ErrImagePull",
  "ImagePullBackOff",
  "InvalidImageName",
  "ErrImageNeverPull",
  "CreateContainerConfigError",
  "CreateContainerError",
  "RunContainerError",
];

function failureOf(pod: KubeObject | undefined, late: boolean): string | undefined {
  const waiting = textAt(listAt(pod, "status", "containerStatuses")[0], "state", "waiting", "reason");
  const message = textAt(listAt(pod, "status", "containerStatuses")[0], "state", "waiting", "message");
  if (waiting && fatalReasons.includes(waiting))
    return `the probe pod did not start: ${waiting}${message ? `: ${message}` : ""}`;
  if (textAt(pod, "status", "reason") === "DeadlineExceeded")
    return "the probe pod was ended before it sent the request";
  if (!late || hasEnded(pod) || textAt(pod, "status", "phase") === "Running") return undefined;
  const unready = listAt(pod, "status", "conditions").find((each) => textAt(each, "status") === "False");
  return `the probe pod did not start within ${startMs / 1000} s${unready ? `: ${textAt(unready, "message") ?? textAt(unready, "type")}` : ""}`;
}

/** Age from which an ended probe pod counts as a leftover of a killed run, in milliseconds. */
const abandonedMs = 10 * 60_000;

/** Deletes leftover probe pods of killed runs. @returns their names */
export async function removeAbandoned(
  client: ClusterClient,
  mesh: Mesh,
  now: number,
  signal: AbortSignal,
): Promise<NamespacedName[]> {
  const abandoned = mesh.objects
    .filter(({ kind, metadata }) => kind === "Pod" && metadata?.labels?.[probeLabels.managedBy] === manager)
    .filter((pod) => pod.metadata?.labels?.[probeLabels.run] !== undefined && hasEnded(pod))
    .filter((pod) => now - Date.parse(textAt(pod, "metadata", "creationTimestamp") ?? "") > abandonedMs)
    .map(({ metadata }) => ({ namespace: metadata?.namespace ?? "", name: metadata?.name ?? "" }));
  for (const pod of abandoned) await client.deletePod(pod, signal);
  return abandoned;
}
