import { chaos as numbers, type Victim } from "../../modules/numbers";
import type { Bench } from "../context";
import { bounded, eventually } from "../eventually";
import { listAt, textAt } from "../json";
import type { Actor, RoleName } from "../pods";
import { Obstacle } from "../precondition-error";
import { unsettled } from "../repair/mesh-state";
import { bringBack, killNode, startNode } from "../restore/killed-node";

/** A kill that is about to happen. */
export interface Blow {
  strike(): Promise<void>;
  /**
   * Waits until what was killed is there again, and does what that takes.
   * @returns what was killed, in words
   * @throws when it does not come back in time, or was never killed
   */
  back(limitMs: number): Promise<string>;
}

/** Prepares a kill; the reason when this lab has nobody to kill. */
export async function blowOf(bench: Bench, victim: Victim, loadgen: Actor): Promise<Blow | { skip: string }> {
  if (victim === "node") return nodeBlow(bench, loadgen);
  if (victim !== "ztunnel") return podBlow(bench, victim, await bench.cast.one(victim, bench.signal));
  const { node } = await bench.cast.one("appb", bench.signal);
  const ztunnel = await bench.cast.ztunnelOn(node, bench.signal);
  if (!ztunnel) throw new Obstacle("ztunnel", `no ready ztunnel on ${node}, the node of appb`);
  return podBlow(bench, "ztunnel", ztunnel);
}

function podBlow(bench: Bench, role: RoleName, old: Actor): Blow {
  const { world, cast, facts, signal, clock } = bench;
  const replaced = async (at: AbortSignal) => {
    const pods = (await cast.all(role, at)).filter(({ node }) => role !== "ztunnel" || node === old.node);
    if (pods.some(({ uid }) => uid === old.uid)) throw new Error(`${old.name} still runs`);
    const next = pods.find(({ ready }) => ready);
    if (!next) throw new Error(`nobody has taken the place of ${old.name}`);
    const [open] = await unsettled(facts, world, new Map(), at);
    if (open) throw new Error(open);
    return next;
  };
  return {
    strike: () => world.killPod(old, signal),
    back: async (limitMs) => {
      const waiting = { what: `${old.name} to be replaced`, deadlineMs: limitMs, intervalMs: 500, signal, clock };
      const next = await eventually(replaced, waiting);
      return `${old.name} was killed, ${next.name} took its place`;
    },
  };
}

/** The node of appb, unless the load starts there: then another one. Its container is killed, and started again. */
async function nodeBlow(bench: Bench, loadgen: Actor): Promise<Blow | { skip: string }> {
  const { world, cast, facts, signal, clock } = bench;
  if (facts.cluster !== "kind") return { skip: "the nodes of an existing cluster are not the lab's to kill" };
  const nodes = await world.list({ apiVersion: "v1", kind: "Node" }, signal);
  const others = nodes
    .filter((node) => !listAt(node, "spec", "taints").some((taint) => textAt(taint, "effect") === "NoSchedule"))
    .map(({ metadata }) => metadata?.name ?? "")
    .filter((node) => node !== loadgen.node);
  const { node: appbs } = await cast.one("appb", signal);
  const name = others.includes(appbs) ? appbs : others[0];
  if (!name) return { skip: "the load starts on the only worker: nobody would be left to notice" };
  const before = await world.nodeContainer(name, signal);
  const roles = ["appb", "waypoint", "gateway", "istiod"] as const;
  const pods = await Promise.all(roles.map((role) => cast.all(role, signal)));
  const there = roles.filter((_role, index) => pods[index]?.some(({ node }) => node === name));
  return {
    strike: async () => {
      try {
        await killNode(world, name, signal);
        await clock.sleep(numbers.downMs, signal);
      } finally {
        await startNode(bench, name);
      }
    },
    back: async (limitMs) => {
      const said: string[] = [];
      const say = (line: string) => void said.push(line);
      await bounded((limit) => bringBack({ ...bench, signal: limit }, name, say), limitMs, signal);
      const { startedAt } = await world.nodeContainer(name, signal);
      if (startedAt <= before.startedAt) throw new Error(`${name} runs since before: nothing was killed`);
      return [
        `${name}, with ${there.join(", ") || "nothing of appb's path"}, was killed and started again`,
        ...said,
      ].join("; ");
    },
  };
}
