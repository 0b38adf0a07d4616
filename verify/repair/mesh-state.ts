import { appNamespace, meshNamespace, metallbNamespace } from "../../config/vocabulary";
import { workloads } from "../../experiments/names";
import { objects, objectsOf } from "../../experiments/objects";
import type { LabObject, MeshWorkload } from "../../experiments/slices";
import type { LabFacts } from "../../experiments/types";
import { rolloutProblem } from "../checks/rollout";
import type { VerifyContext } from "../context";
import { entriesAt, listAt, numberAt, textAt } from "../json";
import type { KubeObject, LabClient } from "../lab-client";
import { type LabPod, PodFinder } from "../pods";
import { PreconditionError } from "../precondition-error";
import { ztunnelDump } from "../proxy-config/read";
import type { ZtunnelDump } from "../proxy-config/ztunnel-dump";

/** Workloads of a lab whose pods belong to the mesh. */
const membersOf = ({ settings }: Pick<LabFacts, "settings">): MeshWorkload[] => {
  const here = objectsOf(settings);
  const members = Object.entries(workloads).flatMap(([name, { mesh }]) => (mesh ? [name as MeshWorkload] : []));
  return members.filter((app) => here.includes(`Deployment/${app}`));
};

/** A Ready pod that is not in the mesh. */
export interface UnenrolledPod {
  app: MeshWorkload;
  pod: string;
  /** The evidence, as the end of the sentence "it is not in the mesh: …". */
  why: string;
}

/** Workloads of the lab in addition to those of {@link systemNamespaces}. */
const ownOf = ({ settings }: Pick<LabFacts, "settings">): LabObject[] =>
  objectsOf(settings).filter((object) => {
    const { kind, namespace } = objects[object];
    return namespace === appNamespace && (kind === "Deployment" || kind === "DaemonSet");
  });

/** Namespaces whose workloads must all be ready; on an existing cluster only the namespace of Istio. */
const systemNamespaces = { kind: ["kube-system", metallbNamespace, meshNamespace], existing: [meshNamespace] };

/** Start of each node in milliseconds since the epoch; without the nodes whose start is unknown. */
export type NodeStarts = ReadonlyMap<string, number>;

/** Workloads and pods that are not ready, a line each, without deleted ones and those that were scaled to 0. */
export async function unreadyWorkloads(
  facts: Pick<LabFacts, "cluster" | "settings">,
  lab: LabClient,
  starts: NodeStarts,
  signal: AbortSignal,
): Promise<string[]> {
  const namespaces = systemNamespaces[facts.cluster];
  const listed = namespaces.flatMap((namespace) =>
    ["Deployment", "DaemonSet"].map(async (kind) => {
      const found = await lab.list({ apiVersion: "apps/v1", kind, namespace }, signal);
      // Items of a list have no kind.
      return found.map((object) => lineOf(`${kind}/${object.metadata?.name}`, { ...object, kind }));
    }),
  );
  const named = ownOf(facts).map(async (name) => [lineOf(name, await lab.read(objects[name], signal))]);
  const pods = [...namespaces, appNamespace].map(async (namespace) => {
    const found = await lab.list({ apiVersion: "v1", kind: "Pod", namespace }, signal);
    return found.map((pod) => staleLine(pod, starts));
  });
  return (await Promise.all([...pods, ...listed, ...named])).flat().filter((line) => line !== undefined);
}

/**
 * A pod whose containers are older than the last start of their node: its status is stale until the kubelet reports again.
 */
function staleLine(pod: KubeObject, starts: NodeStarts): string | undefined {
  const start = starts.get(textAt(pod, "spec", "nodeName") ?? "");
  if (start === undefined || textAt(pod, "status", "phase") === "Succeeded") return undefined;
  const statuses = listAt(pod, "status", "containerStatuses");
  const anew = statuses.every((item) => Date.parse(textAt(item, "state", "running", "startedAt") ?? "") >= start);
  return anew ? undefined : `Pod/${pod.metadata?.name} does not run since its node was started`;
}

function lineOf(name: string, object: KubeObject | undefined): string | undefined {
  if (!object || numberAt(object, "spec", "replicas") === 0) return undefined;
  const problem = rolloutProblem(object);
  return problem && `${name} ${problem}`;
}

/**
 * Ready pods that are not in the mesh. Their annotation may be wrong: after a restart of its node a pod has a new network namespace
 * without the redirection to ztunnel.
 * @throws PreconditionError when the state of ztunnel or of a pod cannot be read
 */
export async function unenrolledPods(
  facts: Pick<LabFacts, "settings">,
  lab: LabClient,
  signal: AbortSignal,
): Promise<UnenrolledPod[]> {
  const podFinder = new PodFinder(lab);
  const dumps = new Map<string, Promise<ZtunnelDump>>();
  const dumpOn = (node: string) => {
    const known = dumps.get(node) ?? dumpOf({ lab, signal }, podFinder, node);
    dumps.set(node, known);
    return known;
  };
  const look = async (app: UnenrolledPod["app"]): Promise<UnenrolledPod[]> => {
    const pods = (await podFinder.all(app, signal)).filter(({ ready }) => ready);
    const found = pods.map(async (pod) => ({ app, pod: pod.name, why: await whyNot(lab, pod, dumpOn, signal) }));
    return (await Promise.all(found)).flatMap(({ why, ...rest }) => (why ? [{ ...rest, why }] : []));
  };
  return (await Promise.all(membersOf(facts).map(look))).flat();
}

async function dumpOf(
  context: Pick<VerifyContext, "lab" | "signal">,
  podFinder: PodFinder,
  node: string,
): Promise<ZtunnelDump> {
  const pod = await podFinder.ztunnelOn(node, context.signal);
  if (!pod) throw new PreconditionError("ztunnel", `no ready ztunnel on ${node}`);
  return ztunnelDump(context, pod);
}

/** The evidence that a pod is not in the mesh; undefined when it is. */
async function whyNot(
  lab: LabClient,
  pod: LabPod,
  dumpOn: (node: string) => Promise<ZtunnelDump>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { workloads, serves } = await dumpOn(pod.node);
  const listed = workloads.find(({ namespace, name }) => namespace === pod.namespace && name === pod.name);
  const ztunnel = `ztunnel on ${pod.node}`;
  if (!listed) return `${ztunnel} does not have it`;
  if (listed.protocol !== "HBONE") return `${ztunnel} has it as ${listed.protocol}`;
  if (!listed.ips.includes(pod.ip)) return `${ztunnel} has it at ${listed.ips.join(", ") || "no address"}`;
  if (serves && !serves.includes(`${pod.namespace}/${pod.name}`)) return `${ztunnel} does not proxy its connections`;
  return (await isCaptured(lab, pod, signal)) ? undefined : "its connections do not go to ztunnel";
}

/** A port of the node on which nothing listens ("discard"). */
const closedPort = 9;

/**
 * Whether the pod's connections are redirected to ztunnel, which accepts a connection before it connects to the destination.
 * Without the redirection the node refuses a connection to a closed port.
 */
async function isCaptured(lab: LabClient, pod: LabPod, signal: AbortSignal): Promise<boolean> {
  const url = `http://${pod.host}:${closedPort}/`;
  const command = ["curl", "--silent", "--output", "/dev/null", "--max-time", "2", "--write-out", "%{time_connect}"];
  const { stdout, stderr, code } = await lab.exec(pod, [...command, url], 10_000, signal);
  const seconds = Number(stdout);
  if (stdout === "" || Number.isNaN(seconds)) {
    throw new PreconditionError("app", `curl in ${pod.name} did not run (exit ${code}): ${stderr.trim()}`);
  }
  return seconds > 0;
}

/** Restarts the rollout of an application, as `kubectl rollout restart` does. */
export async function rollOut(
  lab: LabClient,
  { app }: Pick<UnenrolledPod, "app">,
  now: number,
  signal: AbortSignal,
): Promise<void> {
  const ref = objects[`Deployment/${app}`];
  const has = entriesAt(await lab.read(ref, signal), "spec", "template", "metadata", "annotations").length > 0;
  const path = "/spec/template/metadata/annotations";
  const restart = `${path}/kubectl.kubernetes.io~1restartedAt`;
  const operations = [
    ...(has ? [] : [{ op: "add", path, value: {} } as const]),
    { op: "add", path: restart, value: new Date(now).toISOString() } as const,
  ];
  await lab.patch(ref, operations, signal);
}
