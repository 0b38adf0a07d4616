import type { LabFacts } from "../../experiments/types";
import { exec } from "../../host/exec";
import { kindClusterLabel } from "../../host/kind-nodes";
import type { LabClient } from "../lab-client";

/** Runs Docker. @returns its output @throws Error when it fails */
async function docker(args: readonly string[], signal: AbortSignal): Promise<string> {
  const result = await exec("docker", args, { signal, timeoutMs: 20_000 });
  if (result.code !== 0) throw new Error(`"${result.command}" failed: ${result.stderr}`);
  return result.stdout;
}

/** Reads kernel settings in the container of a kind node, which has the node's name. */
export async function readSysctls(
  node: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<Record<string, number>> {
  const paths = names.map((name) => `/proc/sys/${name.replaceAll(".", "/")}`);
  const values = (await docker(["exec", node, "cat", ...paths], signal)).split("\n").map(Number);
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? Number.NaN]));
}

/** Operations on the node containers of the lab's own cluster. */
export function nodePower({ clusterName }: Pick<LabFacts, "clusterName">): Pick<LabClient, "nodeContainer" | "power"> {
  const inspected = async (node: string, signal: AbortSignal) => {
    const format = `{{index .Config.Labels "${kindClusterLabel}"}} {{.State.Running}} {{.State.StartedAt}}`;
    const [cluster, running, startedAt = ""] = (await docker(["inspect", "--format", format, node], signal)).split(" ");
    if (!clusterName || cluster !== clusterName) throw new Error(`container "${node}" is no node of the lab's cluster`);
    return { running: running === "true", startedAt: Math.floor(Date.parse(startedAt) / 1000) * 1000 };
  };
  return {
    nodeContainer: inspected,
    power: async (node, action, signal) => {
      await inspected(node, signal);
      await docker([action, node], signal);
    },
  };
}
