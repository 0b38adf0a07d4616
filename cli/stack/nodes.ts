import { clusterState } from "../../host/cluster-state";
import { LabError } from "../../host/errors";
import type { Exec } from "../../host/exec";
import { listNodes } from "../../host/kind-nodes";
import { clusterName } from "../../host/paths";
import { eventually } from "../../verify/eventually";
import type { Session } from "./session";

/** A node of a kind cluster: a container of the same name. */
export interface Node {
  name: string;
  /** State in Docker: running, exited, paused, created. */
  state: string;
  /** Whether it is the control plane. */
  controls: boolean;
}

const deadlineMs = 5 * 60_000;
/** Time that the pods of restarted nodes need to be ready, in milliseconds. */
const freshMs = 3 * 60_000;

/** Node containers of the stack's cluster, the control plane first. */
export async function nodesOf(stack: string, exec: Exec): Promise<Node[]> {
  const cluster = clusterName(stack);
  const { stdout } = await listNodes(exec, "{{.Names}} {{.State}}", cluster);
  const nodes = stdout.split("\n").flatMap((line) => {
    const [name, state] = line.split(" ");
    return name && state ? [{ name, state, controls: name === `${cluster}-control-plane` }] : [];
  });
  return nodes.sort((a, b) => Number(b.controls) - Number(a.controls));
}

/**
 * Starts the stopped node containers of the stack, and waits until each node has reported Ready after its start: until then the
 * cluster reports the former state.
 * @returns whether nodes were just started, by this function or by Docker, so that their pods may not be ready yet
 * @throws LabError when a container does not start or a node does not become Ready
 */
export async function startNodes(session: Session): Promise<boolean> {
  const { io, stack, progress } = session;
  const state = await clusterState(stack, io.exec);
  if (state === "absent" || state === "foreign") return false;
  const nodes = await nodesOf(stack, io.exec);
  const asleep = nodes.filter((node) => node.state !== "running");
  for (const node of asleep) {
    progress.line(`  Node container "${node.name}" is ${node.state}: it is started again`);
    const { code, stderr } = await io.exec("docker", [node.state === "paused" ? "unpause" : "start", node.name]);
    if (code === 0) continue;
    const what = `Docker cannot start "${node.name}": ${lastLine(stderr)}`;
    throw new LabError({ what, why: "It is a node of the lab", fix: nodeFix(stack) });
  }
  const starts = await startsOf(nodes, io.exec);
  const again = starts.some((start) => start.again && io.clock.now() - start.at < freshMs);
  if (asleep.length === 0 && !again) return false;
  if (asleep.length === 0) progress.line("  Docker has just restarted nodes: waiting until their pods are ready");
  await nodesReady(session, starts);
  return true;
}

/** Stops the running node containers, workers first, so that the control plane notices. @returns their names */
export async function stopNodes({ io, stack }: Session): Promise<string[]> {
  const running = (await nodesOf(stack, io.exec)).filter(({ state }) => state === "running");
  for (const group of [running.filter(({ controls }) => !controls), running.filter(({ controls }) => controls)]) {
    if (group.length === 0) continue;
    const names = group.map(({ name }) => name);
    // A node stops its pods first. Docker kills it after half a minute.
    const { code, stderr } = await io.exec("docker", ["stop", "-t", "30", ...names], { timeoutMs: 180_000 });
    if (code === 0) continue;
    throw new LabError({
      what: `Docker cannot stop ${names.join(", ")}: ${lastLine(stderr)}`,
      why: "A lab is paused when none of its nodes runs",
      fix: `docker kill ${names.join(" ")}; npm run lab -- pause --stack ${stack}`,
    });
  }
  return running.map(({ name }) => name);
}

interface Start {
  name: string;
  /** Milliseconds since the epoch, rounded to seconds; 0 when it is not known. */
  at: number;
  /** Whether the container was restarted. */
  again: boolean;
}

/** Last start of each node of the stack, in milliseconds since the epoch. */
export async function nodeStarts(stack: string, exec: Exec): Promise<ReadonlyMap<string, number>> {
  const starts = await startsOf(await nodesOf(stack, exec), exec);
  return new Map(starts.map(({ name, at }) => [name, at]));
}

/** The last start of each container. */
async function startsOf(nodes: readonly Node[], exec: Exec): Promise<Start[]> {
  const names = nodes.map(({ name }) => name);
  const format = "{{.Name}} {{.Created}} {{.State.StartedAt}}";
  const { stdout } = await exec("docker", ["inspect", "--format", format, ...names]);
  const rows = stdout.split("\n").map((line) => line.replace(/^\//, "").split(" "));
  return names.map((name) => {
    const [, created = "", started = ""] = rows.find(([each]) => each === name) ?? [];
    const at = Math.floor(Date.parse(started) / 1000) * 1000 || 0;
    // kind starts a container directly after its creation.
    return { name, at, again: at - Date.parse(created) > 30_000 };
  });
}

const readyPath = '.status.conditions[?(@.type=="Ready")]';
const nodeLines = `{range .items[*]}{.metadata.name} {${readyPath}.status} {${readyPath}.lastHeartbeatTime}{"\\n"}{end}`;

async function nodesReady({ io, stack }: Session, starts: readonly Start[]): Promise<void> {
  const cluster = clusterName(stack);
  const kubectl = ["exec", `${cluster}-control-plane`, "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf"];
  const ask = [...kubectl, "--request-timeout=10s", "get", "nodes", "--output", `jsonpath=${nodeLines}`];
  const ready = async () => {
    const { code, stdout, stderr } = await io.exec("docker", ask, { signal: io.signal, timeoutMs: 20_000 });
    if (code !== 0) throw new Error(lastLine(stderr));
    const heard = new Map(stdout.split("\n").map((line) => [line.split(" ")[0], line.split(" ")]));
    const missing = starts.filter(({ name, at }) => {
      const [, status, heartbeat = ""] = heard.get(name) ?? [];
      return status !== "True" || !(Date.parse(heartbeat) >= at);
    });
    if (missing.length > 0) throw new Error(`nothing heard of ${missing.map(({ name }) => name).join(", ")}`);
  };
  const waiting = { what: "every node to be Ready", deadlineMs, intervalMs: 2000, signal: io.signal, clock: io.clock };
  await eventually(ready, waiting).catch((cause: unknown) => {
    io.signal.throwIfAborted();
    const what = `Nodes of "${cluster}" started and did not become Ready`;
    throw new LabError({ what, why: "Nothing can run on them", fix: nodeFix(stack) }, { cause });
  });
}

/** Such as "1 node" or "3 nodes". */
export const nodesText = (count: number): string => `${count} node${count === 1 ? "" : "s"}`;

const lastLine = (text: string) => text.trim().split("\n").at(-1) ?? "";

const nodeFix = (stack: string) =>
  `docker logs --tail 20 ${clusterName(stack)}-control-plane   (names the cause), or: npm run destroy -- --stack ${stack} --yes; npm run up -- --stack ${stack}`;

const unitBytes: Readonly<Record<string, number>> = {
  ...{ B: 1, kB: 1000, KB: 1000, MB: 1000 ** 2, GB: 1000 ** 3 },
  ...{ KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 },
};

/** Memory that running containers use, in bytes by name, as Docker counts it: without reclaimable page cache. */
export async function memoryOf(names: readonly string[], exec: Exec): Promise<ReadonlyMap<string, number>> {
  if (names.length === 0) return new Map();
  const { stdout } = await exec("docker", ["stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}", ...names]);
  const rows = stdout.split("\n").flatMap((line): [string, number][] => {
    const [, name, number, unit = ""] = /^(\S+) ([\d.]+)([A-Za-z]+) \//.exec(line) ?? [];
    const bytes = Number(number) * (unitBytes[unit] ?? Number.NaN);
    return name && bytes > 0 ? [[name, Math.round(bytes)]] : [];
  });
  return new Map(rows);
}

/** Sum of {@link memoryOf}; undefined when it is empty. */
export function totalOf(memory: ReadonlyMap<string, number>): number | undefined {
  return memory.size === 0 ? undefined : [...memory.values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** Bytes as text: 812 B, 40 KiB, 640 MiB, 2.1 GiB. */
export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${Math.round(bytes / 1024)} KiB`;
  return bytes < 1024 ** 3 ? `${Math.round(bytes / 1024 ** 2)} MiB` : `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}
