import { textAt } from "../json";
import type { KubeObject } from "../lab-client";
import { isReady } from "../pods";
import { type CheckRun, failed, listed, passed } from "./check";

const nameOf = (node: KubeObject): string => node.metadata?.name ?? "";

/** Verifies that the cluster has the configured number of nodes, and that all are Ready. */
export const nodes: CheckRun<"nodes"> = async ({ lab, facts, signal }, { name }) => {
  const all = await lab.list({ apiVersion: "v1", kind: "Node" }, signal);
  const unready = all.filter((node) => !isReady(node)).map(nameOf);
  const wanted = facts.cluster === "kind" ? facts.settings.workers + 1 : Math.max(all.length, 1);
  const evidence = [
    {
      source: "nodes",
      lines: all.map((node) => `${nameOf(node)} ${textAt(node, "status", "nodeInfo", "kubeletVersion") ?? "?"}`),
    },
  ];
  const seen = `${all.length - unready.length} of ${all.length} nodes are Ready`;
  if (unready.length === 0 && all.length === wanted) return [passed(name, "nodes", seen, { evidence })];
  const more = unready.length > 0 ? `, not: ${listed(unready)}` : "";
  return [failed(name, "nodes", seen + more, { expected: `${wanted} nodes, all Ready`, evidence })];
};

/** Compares the clock of the cluster with the clock of this machine. */
export const clock: CheckRun<"clock"> = async (context, { name, toleranceSeconds }) => {
  const before = context.clock.now();
  const theirs = await context.lab.serverTime(context.signal);
  const ours = (before + context.clock.now()) / 2;
  const skew = Math.round((theirs - ours) / 1000);
  if (Math.abs(skew) <= toleranceSeconds) return [passed(name, "nodes", `${Math.abs(skew)} s apart`)];
  const seen = `the nodes' clock is ${Math.abs(skew)} s ${skew > 0 ? "ahead of" : "behind"} this machine's`;
  return [failed(name, "nodes", seen, { expected: `at most ${toleranceSeconds} s (restart Docker to set it)` })];
};

/** Verifies that the kernel settings of every node are at least the required values. */
export const sysctls: CheckRun<"sysctls"> = async ({ lab, signal }, { name, atLeast }) => {
  const names = Object.keys(atLeast);
  const all = await lab.list({ apiVersion: "v1", kind: "Node" }, signal);
  const read = await Promise.all(
    all.map(async (node) => ({ node: nameOf(node), values: await lab.sysctls(nameOf(node), names, signal) })),
  );
  const lines = read.flatMap(({ node, values }) => names.map((key) => `${node} ${key} = ${values[key] ?? "?"}`));
  const low = read.flatMap(({ node, values }) =>
    names
      .filter((key) => (values[key] ?? 0) < Number(atLeast[key]))
      .map((key) => `${node} ${key} = ${values[key] ?? "?"}`),
  );
  const evidence = [{ source: "/proc/sys on the nodes", lines }];
  if (low.length === 0 && read.length > 0) {
    return [passed(name, "nodes", `sufficient on ${read.length} nodes`, { evidence })];
  }
  const expected = Object.entries(atLeast)
    .map(([key, value]) => `${key} ≥ ${value}`)
    .join(", ");
  return [failed(name, "nodes", read.length > 0 ? listed(low) : "no node to read from", { expected, evidence })];
};
