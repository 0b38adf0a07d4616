import { existsSync } from "node:fs";
import { type DockerNetwork, mayBeOwn, networkNamed, readNetworks } from "./docker-networks";
import type { Exec } from "./exec";
import { listNodes } from "./kind-nodes";
import { labOwner } from "./lab-owner";
import { clusterName, markerFile, stackDir } from "./paths";

/**
 * State of a kind cluster by its node containers. `paused`: no node runs; `stopped`: some nodes run; `foreign`: the cluster
 * has the name of the stack's cluster, but it is not on the stack's network, was started in an earlier network of that name, or
 * belongs to the lab of another owner.
 */
export type ClusterState = "absent" | "running" | "stopped" | "paused" | "foreign";

/** State of the stack's kind cluster. */
export async function clusterState(stack: string, exec: Exec): Promise<ClusterState> {
  return (await lookAtCluster(stack, exec)).state;
}

/** The kind cluster with the name of the stack's cluster. */
export interface SeenCluster {
  state: ClusterState;
  /** Ports of this machine that its running nodes publish. */
  published: readonly number[];
  /** Owner in the label of its network; empty without the label, and for nodes that were started in another network. */
  owner: string;
  /** IDs of the networks in which its nodes were started; none for a node that was never started. */
  networkIds: readonly string[];
}

/** Reads the cluster with the name of the stack's cluster from Docker. */
export async function lookAtCluster(
  stack: string,
  exec: Exec,
  { networks = readNetworks(exec) }: { networks?: Promise<readonly DockerNetwork[]> } = {},
): Promise<SeenCluster> {
  const asked = listNodes(exec, "{{.State}} {{.Networks}} {{.ID}} {{.Ports}}", clusterName(stack));
  const [{ stdout }, network] = [await asked, networkNamed(stack, await networks)];
  const nodes = stdout.split("\n").filter(Boolean);
  const published = [...stdout.matchAll(/:(\d+)->/g)].map(([, port]) => Number(port));
  const ids = nodes.flatMap((node) => node.split(" ")[2] ?? []);
  const networkIds = await startedIn(stack, ids, exec);
  const elsewhere = network !== undefined && networkIds.some((id) => id !== network.id);
  const foreign = nodes.length > 0 && network !== undefined && !mayBeOwn(network, stack, labOwner());
  const state = foreign || elsewhere ? "foreign" : stateOf(nodes, clusterName(stack));
  return { state, published, owner: elsewhere ? "" : (network?.owner ?? ""), networkIds };
}

/**
 * IDs of the networks with the name of the stack's network in which nodes were started. Docker keeps the ID also after the network
 * was removed; a node that was never started has none.
 */
async function startedIn(stack: string, nodes: readonly string[], exec: Exec): Promise<string[]> {
  if (nodes.length === 0) return [];
  const format = `{{with index .NetworkSettings.Networks "${clusterName(stack)}"}}{{.NetworkID}}{{end}}`;
  const { stdout } = await exec("docker", ["inspect", "--format", format, ...nodes]);
  return stdout.split("\n").filter(Boolean);
}

function stateOf(nodes: readonly string[], name: string): ClusterState {
  if (nodes.length === 0) return "absent";
  if (!nodes.every((node) => (node.split(" ")[1] ?? "").split(",").includes(name))) return "foreign";
  const running = nodes.filter((node) => node.startsWith("running ")).length;
  if (running === 0) return "paused";
  return running === nodes.length ? "running" : "stopped";
}

/** Whether the stack's cluster was created and no longer exists: deleted by hand, or lost by Docker. */
export async function clusterIsLost(stack: string, exec: Exec): Promise<boolean> {
  return existsSync(markerFile(stackDir(stack))) && (await clusterState(stack, exec)) === "absent";
}
