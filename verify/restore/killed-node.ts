import { hostname } from "node:os";
import { messageOf } from "../../host/errors";
import type { Bench } from "../context";
import { eventually } from "../eventually";
import { mendMesh, untilBack } from "../repair/mesh";
import type { World } from "../world";
import { isDead, isOurs, type Writer } from "./change";

/** Annotation of a node that a proof killed, until its pods are back in the mesh; it says which process did it. */
const annotation = "ambient-lab.dev/verify-killed";
const path = `/metadata/annotations/${annotation.replace("/", "~1")}`;
const nodeRef = (name: string) => ({ apiVersion: "v1", kind: "Node", name }) as const;
/** Longest that a run which lives may take to bring a node back. */
const othersMs = 600_000;

type Around = Pick<Bench, "world" | "facts" | "signal" | "clock">;

/** Kills a node. Who did it is noted first, so that there is no moment in which a crash could leave it unnoticed. */
export async function killNode(world: World, name: string, signal: AbortSignal): Promise<void> {
  const by: Writer = { host: hostname(), pid: process.pid };
  await world.patch(nodeRef(name), [{ op: "add", path, value: JSON.stringify(by) }], signal);
  await world.power(name, "kill", signal);
}

/** Starts a node that does not run; on a signal of its own, for an interrupted run must do it too. */
export async function startNode({ world, clock }: Pick<Bench, "world" | "clock">, name: string): Promise<void> {
  const { signal } = new AbortController();
  const start = async () => {
    if ((await world.nodeContainer(name, signal)).running) return;
    await world.power(name, "start", signal);
  };
  await eventually(start, { what: `${name} to start`, deadlineMs: 60_000, intervalMs: 1_000, signal, clock });
}

/** Waits until all of the lab runs again, and its pods are in the mesh; then the node is no longer noted. */
export async function bringBack(bench: Around, name: string, say: (line: string) => void): Promise<void> {
  const { world, facts, signal, clock } = bench;
  const { startedAt } = await world.nodeContainer(name, signal);
  const options = { ...{ world, facts, signal, clock, say }, starts: new Map([[name, startedAt]]) };
  await untilBack(options);
  await mendMesh(options);
  await world.patch(nodeRef(name), [{ op: "remove", path }], signal);
}

/** Brings back the nodes that a run killed which died; waits first for one that may still be alive. */
export async function recoverNodes(bench: Around, note: (text: string) => void): Promise<void> {
  const { world, facts, signal, clock } = bench;
  if (facts.cluster !== "kind") return;
  for (const [name, by] of await killedNodes(world, signal)) {
    if (!isDead(by) && !isOurs(by)) {
      const over = async () => {
        if ((await killedNodes(world, signal)).has(name)) throw new Error("it is still noted");
      };
      const what = `process ${by.pid} on ${by.host} to bring ${name} back`;
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
    await startNode(bench, name);
    await bringBack(bench, name, note);
    note(`${name} was left killed by a run that died; it runs again, and its pods are in the mesh`);
  }
}

async function killedNodes(world: World, signal: AbortSignal): Promise<Map<string, Writer>> {
  const nodes = await world.list({ apiVersion: "v1", kind: "Node" }, signal);
  return new Map(
    nodes.flatMap(({ metadata }) => {
      const text = metadata?.annotations?.[annotation];
      return text && metadata?.name ? [[metadata.name, JSON.parse(text) as Writer] as const] : [];
    }),
  );
}
