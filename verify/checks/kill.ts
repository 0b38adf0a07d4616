import type { KillTarget } from "../../modules/chaos/objects";
import { numbers } from "../../modules/chaos/objects";
import type { VerifyContext } from "../context";
import { bounded, eventually } from "../eventually";
import { listAt, textAt } from "../json";
import type { LabPod, PodRole } from "../pods";
import { PreconditionError } from "../precondition-error";
import { unreadyWorkloads } from "../repair/mesh-state";
import { bringBack, killNode, startNode } from "../restore/killed-node";

/** A kill that is about to happen. */
export interface Kill {
  strike(): Promise<void>;
  /**
   * Waits until what was killed is there again, and does what that takes.
   * @returns what was killed, in words
   * @throws when it does not come back in time, or was never killed
   */
  back(limitMs: number): Promise<string>;
}

/** Prepares a kill, or returns the reason why this lab has no target for it. */
export async function prepareKill(
  context: VerifyContext,
  victim: KillTarget,
  loadgen: LabPod,
): Promise<Kill | { skip: string }> {
  if (victim === "node") return nodeKill(context, loadgen);
  if (victim !== "ztunnel") return podKill(context, victim, await context.podFinder.one(victim, context.signal));
  const { node } = await context.podFinder.one("appb", context.signal);
  const ztunnel = await context.podFinder.ztunnelOn(node, context.signal);
  if (!ztunnel) throw new PreconditionError("ztunnel", `no ready ztunnel on ${node}, the node of appb`);
  return podKill(context, "ztunnel", ztunnel);
}

function podKill(context: VerifyContext, role: PodRole, old: LabPod): Kill {
  const { lab, podFinder, facts, signal, clock } = context;
  const replaced = async (at: AbortSignal) => {
    const pods = (await podFinder.all(role, at)).filter(({ node }) => role !== "ztunnel" || node === old.node);
    if (pods.some(({ uid }) => uid === old.uid)) throw new Error(`${old.name} still runs`);
    const next = pods.find(({ ready }) => ready);
    if (!next) throw new Error(`no ready pod replaces ${old.name}`);
    const [open] = await unreadyWorkloads(facts, lab, new Map(), at);
    if (open) throw new Error(open);
    return next;
  };
  return {
    strike: () => lab.killPod(old, signal),
    back: async (limitMs) => {
      const waiting = { what: `${old.name} to be replaced`, deadlineMs: limitMs, intervalMs: 500, signal, clock };
      const next = await eventually(replaced, waiting);
      return `${old.name} was killed, ${next.name} took its place`;
    },
  };
}

/** The node of appb, unless the load starts there: then another one. Its container is killed, and started again. */
async function nodeKill(context: VerifyContext, loadgen: LabPod): Promise<Kill | { skip: string }> {
  const { lab, podFinder, facts, signal, clock } = context;
  if (facts.cluster !== "kind") return { skip: "the nodes of an existing cluster are not the lab's to kill" };
  const nodes = await lab.list({ apiVersion: "v1", kind: "Node" }, signal);
  const others = nodes
    .filter((node) => !listAt(node, "spec", "taints").some((taint) => textAt(taint, "effect") === "NoSchedule"))
    .map(({ metadata }) => metadata?.name ?? "")
    .filter((node) => node !== loadgen.node);
  const { node: appbs } = await podFinder.one("appb", signal);
  const name = others.includes(appbs) ? appbs : others[0];
  if (!name) return { skip: "the load starts on the only worker: no other node is left to kill" };
  const before = await lab.nodeContainer(name, signal);
  const roles = ["appb", "waypoint", "gateway", "istiod"] as const;
  const pods = await Promise.all(roles.map((role) => podFinder.all(role, signal)));
  const there = roles.filter((_role, index) => pods[index]?.some(({ node }) => node === name));
  return {
    strike: async () => {
      try {
        await killNode(lab, name, signal);
        await clock.sleep(numbers.downMs, signal);
      } finally {
        await startNode(context, name);
      }
    },
    back: async (limitMs) => {
      const said: string[] = [];
      const say = (line: string) => void said.push(line);
      await bounded((limit) => bringBack({ ...context, signal: limit }, name, say), limitMs, signal, clock);
      const { startedAt } = await lab.nodeContainer(name, signal);
      if (startedAt <= before.startedAt) throw new Error(`${name} runs since before: nothing was killed`);
      return [
        `${name}, with ${there.join(", ") || "nothing of appb's path"}, was killed and started again`,
        ...said,
      ].join("; ");
    },
  };
}
