import { hostname } from "node:os";
import { messageOf } from "../../host/errors";
import type { VerifyContext } from "../context";
import { eventually } from "../eventually";
import type { LabClient } from "../lab-client";
import { repairMesh, waitUntilReady } from "../repair/mesh";
import { isDead, isOurs, processOf, type Writer } from "./change";

/** Annotation of a node that an experiment killed, until its pods are back in the mesh; it names the process. */
const annotation = "ambient-lab.dev/verify-killed";
const path = `/metadata/annotations/${annotation.replace("/", "~1")}`;
const nodeRef = (name: string) => ({ apiVersion: "v1", kind: "Node", name }) as const;
/** Longest time in which a running experiment brings a node back, in milliseconds. */
const othersMs = 600_000;

type Around = Pick<VerifyContext, "lab" | "facts" | "signal" | "clock">;

/** Kills a node. The annotation is written first, so that a crash at any moment leaves a record. */
export async function killNode(lab: LabClient, name: string, signal: AbortSignal): Promise<void> {
  const by: Writer = { host: hostname(), pid: process.pid };
  await lab.patch(nodeRef(name), [{ op: "add", path, value: JSON.stringify(by) }], signal);
  await lab.power(name, "kill", signal);
}

/** Starts a stopped node, also in an interrupted run. */
export async function startNode({ lab, clock }: Pick<VerifyContext, "lab" | "clock">, name: string): Promise<void> {
  const { signal } = new AbortController();
  const start = async () => {
    if ((await lab.nodeContainer(name, signal)).running) return;
    await lab.power(name, "start", signal);
  };
  await eventually(start, { what: `${name} to start`, deadlineMs: 60_000, intervalMs: 1_000, signal, clock });
}

/** Waits until the lab runs again and its pods are in the mesh; then removes the annotation of the node. */
export async function bringBack(context: Around, name: string, say: (line: string) => void): Promise<void> {
  const { lab, facts, signal, clock } = context;
  const { startedAt } = await lab.nodeContainer(name, signal);
  const options = { ...{ lab, facts, signal, clock, say }, starts: new Map([[name, startedAt]]) };
  await waitUntilReady(options);
  await repairMesh(options);
  await lab.patch(nodeRef(name), [{ op: "remove", path }], signal);
}

/** Starts the nodes that an ended run has killed; waits first for a run that may still be in progress. */
export async function recoverNodes(context: Around, note: (text: string) => void): Promise<void> {
  const { lab, facts, signal, clock } = context;
  if (facts.cluster !== "kind") return;
  for (const [name, by] of await killedNodes(lab, signal)) {
    if (!isDead(by) && !isOurs(by)) {
      const over = async () => {
        if ((await killedNodes(lab, signal)).has(name)) throw new Error("the node still has the annotation");
      };
      const what = `${processOf(by)} to bring ${name} back`;
      const theirs = await eventually(over, { what, deadlineMs: othersMs, intervalMs: 2_000, signal, clock }).then(
        () => true,
        (error: unknown) => {
          signal.throwIfAborted();
          note(messageOf(error));
          return false;
        },
      );
      if (theirs) continue;
    }
    await startNode(context, name);
    await bringBack(context, name, note);
    note(`${name} was left killed by a run that died; it runs again, and its pods are in the mesh`);
  }
}

async function killedNodes(lab: LabClient, signal: AbortSignal): Promise<Map<string, Writer>> {
  const nodes = await lab.list({ apiVersion: "v1", kind: "Node" }, signal);
  return new Map(
    nodes.flatMap(({ metadata }) => {
      const text = metadata?.annotations?.[annotation];
      return text && metadata?.name ? [[metadata.name, JSON.parse(text) as Writer] as const] : [];
    }),
  );
}
