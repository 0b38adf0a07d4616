import type { LabFacts } from "../../experiments/types";
import { LabError, messageOf } from "../../host/errors";
import { type Clock, DeadlineError, eventually } from "../eventually";
import type { LabClient } from "../lab-client";
import { type NodeStarts, rollOut, type UnenrolledPod, unenrolledPods, unreadyWorkloads } from "./mesh-state";

/** Options of a repair of the mesh. */
export interface MeshOptions {
  facts: LabFacts;
  lab: LabClient;
  /** When the lab's nodes were started, if they are containers of this machine. */
  starts: NodeStarts;
  say: (line: string) => void;
  signal: AbortSignal;
  clock: Clock;
}

/** Until everything on restarted nodes runs again: the back-off of a crash loop grows to minutes. */
const backMs = 6 * 60_000;
/** Until istio-cni has enrolled a new pod, before the pod counts as not enrolled. */
const graceMs = 15_000;
const intervalMs = 2_000;

/**
 * Waits until the whole lab runs again after its nodes were started.
 * @throws LabError when it does not
 */
export async function waitUntilReady(options: MeshOptions): Promise<void> {
  const { signal, clock } = options;
  const waiting = { what: "the lab to run again", deadlineMs: backMs, intervalMs, streak: 2, signal, clock };
  await eventually((at) => requireReady(options, at), waiting).catch((miss) => giveUp(options, miss));
}

/**
 * Restarts the rollout of workloads whose pods are Ready and not in the mesh.
 * @returns the pods that were not in the mesh
 * @throws LabError when the new pods are not enrolled either
 */
export async function repairMesh(options: MeshOptions): Promise<UnenrolledPod[]> {
  const { facts, lab, say, signal, clock } = options;
  const lost = await lostPods(options);
  if (lost.length === 0) return [];
  for (const { app, pod, why } of lost) {
    say(`Pod "${pod}" is not in the mesh (${why}): the rollout of ${app} is restarted`);
    await rollOut(lab, { app }, clock.now(), signal);
  }
  const together = async (at: AbortSignal) => {
    await requireReady(options, at);
    const still = await unenrolledPods(facts, lab, at);
    if (still.length > 0) throw new Error(listed(still.map(({ pod, why }) => `${pod}: ${why}`)));
  };
  const waiting = { what: "the pods to join the mesh", deadlineMs: backMs, intervalMs, streak: 2, signal, clock };
  await eventually(together, waiting).catch((miss) => giveUp(options, miss));
  return lost;
}

async function requireReady({ facts, lab, starts }: MeshOptions, signal: AbortSignal): Promise<void> {
  const open = await unreadyWorkloads(facts, lab, starts, signal);
  if (open.length > 0) throw new Error(listed(open));
}

/** Ready pods that are not in the mesh; none when ztunnel cannot be read; the experiments report that. */
async function lostPods(options: MeshOptions): Promise<UnenrolledPod[]> {
  const { facts, lab, say, signal, clock } = options;
  let found: UnenrolledPod[] = [];
  const look = async (at: AbortSignal) => {
    found = [];
    found = await unenrolledPods(facts, lab, at);
    if (found.length > 0) throw new Error(listed(found.map(({ pod }) => pod)));
  };
  const waiting = { what: "all pods to be in the mesh", deadlineMs: graceMs, intervalMs: 1_000, signal, clock };
  try {
    await eventually(look, waiting);
  } catch (miss) {
    signal.throwIfAborted();
    if (!(miss instanceof DeadlineError)) throw miss;
    if (found.length === 0) say(`! Whether all pods are in the mesh cannot be determined: ${messageOf(miss.cause)}`);
  }
  return found;
}

const listed = (items: readonly string[]): string =>
  items.length > 3 ? `${items.slice(0, 3).join("; ")}; and ${items.length - 3} more` : items.join("; ");

function giveUp({ facts, signal }: MeshOptions, cause: unknown): never {
  signal.throwIfAborted();
  if (!(cause instanceof DeadlineError)) throw cause;
  throw new LabError(
    {
      what: `Lab "${facts.stack}" does not come back: ${messageOf(cause.cause)}`,
      why: "Policies do not apply to workloads that are not ready or not in the mesh",
      fix: `npm run lab -- verify --stack ${facts.stack}   (names the layer), or: npm run destroy -- --stack ${facts.stack} && npm run up -- --stack ${facts.stack}`,
    },
    { cause },
  );
}
