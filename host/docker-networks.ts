import { existsSync, readFileSync } from "node:fs";
import type { Exec } from "./exec";
import { clusterName, markerFile, stackDir } from "./paths";

/** Labels of a lab's Docker network. All users of a Docker engine share its names; the labels tell their labs apart. */
export const networkLabels = {
  /** Name of the stack. */
  stack: "ambient-lab.stack",
  /** Owner of the lab (host/lab-owner.ts). Networks that were created before this label existed have none. */
  owner: "ambient-lab.owner",
} as const;

/** A network of this machine's Docker. */
export interface DockerNetwork {
  id: string;
  name: string;
  /** Value of {@link networkLabels}.stack; empty without the label. */
  stack: string;
  /** Value of {@link networkLabels}.owner; empty without the label. */
  owner: string;
}

/** Subnets of networks by their names. */
export async function readSubnets(
  exec: Exec,
  names: readonly string[],
): Promise<readonly { name: string; subnets: readonly string[] }[]> {
  if (names.length === 0) return [];
  const format = "{{.Name}} {{range .IPAM.Config}}{{.Subnet}} {{end}}";
  const { stdout } = await exec("docker", ["network", "inspect", "--format", format, ...names]);
  return stdout.split("\n").flatMap((line) => {
    const [name, ...subnets] = line.split(" ");
    return name ? [{ name, subnets: subnets.filter(Boolean) }] : [];
  });
}

/** All networks of this machine's Docker; none while it does not answer. */
export async function readNetworks(exec: Exec): Promise<DockerNetwork[]> {
  const columns = ["{{.ID}}", "{{.Name}}", ...Object.values(networkLabels).map((label) => `{{.Label "${label}"}}`)];
  const { stdout } = await exec("docker", ["network", "ls", "--no-trunc", "--format", columns.join("\t")]);
  return stdout.split("\n").flatMap((line) => {
    const [id, name, stack = "", owner = ""] = line.split("\t");
    return id && name ? [{ id, name, stack, owner }] : [];
  });
}

/** The network that bears the name of the stack's. */
export function networkNamed(stack: string, networks: readonly DockerNetwork[]): DockerNetwork | undefined {
  return networks.find(({ name }) => name === clusterName(stack));
}

/**
 * Whether a network with the stack's name may be the one of the stack's own lab. The file that a lab leaves in its folder
 * names the id of its network, and ids are unique; so it holds when the name of the host or the backend has changed. Else
 * the label of the owner decides. A network without that label is the stack's unless the file names another.
 */
export function mayBeOwn(network: DockerNetwork, stack: string, owner: string): boolean {
  if (network.stack !== stack) return false;
  const recorded = recordedNetwork(stack);
  if (recorded === network.id) return true;
  return network.owner === "" ? recorded === undefined : network.owner === owner;
}

/** Id of the stack's network; undefined when the lab was never made here, or by an earlier version. */
function recordedNetwork(stack: string): string | undefined {
  const file = markerFile(stackDir(stack));
  return existsSync(file) ? readFileSync(file, "utf8").trim().split(" ")[1] : undefined;
}
