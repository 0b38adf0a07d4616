import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Exec } from "./exec";
import { ownerParts, stateAddress } from "./lab-owner";
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
 * names the id of its network, and ids are unique; so it holds when the name of the host has changed. Labs of other backends
 * may share the folder: the file names the backend as well, and files of earlier versions leave it to the label. Without such
 * a file the label of the owner decides.
 */
export function mayBeOwn(network: DockerNetwork, stack: string, owner: string): boolean {
  if (network.stack !== stack) return false;
  const marker = readMarker(stack);
  if (marker?.network === network.id) return isOwnBackend(marker.backend ?? ownerParts(network.owner).backend, owner);
  // A lab of an earlier version, which recorded neither owner nor id.
  if (network.owner === "") return marker !== undefined && marker.network === undefined;
  return network.owner === owner;
}

/**
 * Whether the files in the stack's folder are those of a lab with the state in another backend, whose stack has the same name.
 * @returns that backend
 */
export function backendOfFolder(stack: string, owner: string): string | undefined {
  const backend = readMarker(stack)?.backend;
  return backend !== undefined && !isOwnBackend(backend, owner) ? backend : undefined;
}

/** A folder of state that is gone was moved: the backend has another address since. */
function isOwnBackend(recorded: string, owner: string): boolean {
  return recorded === "" || recorded === ownerParts(owner).backend || isGone(recorded);
}

function isGone(backend: string): boolean {
  if (!backend.startsWith("file://")) return false;
  // A path may end like the name of a project.
  const addresses = [backend, stateAddress(backend)];
  const folders = addresses.map((address) => join(address.slice("file://".length), ".pulumi", "stacks"));
  try {
    return folders.every((folder) => statSync(folder, { throwIfNoEntry: false }) === undefined);
  } catch {
    return false; // What this user may not look at is there.
  }
}

/** What a lab writes down about its cluster (components/scripts/kind-create.sh). Earlier versions wrote less. */
interface Marker {
  /** Id of the stack's network. */
  network?: string;
  /** Backend that holds the state. */
  backend?: string;
}

/** Undefined when the lab was never made here. */
function readMarker(stack: string): Marker | undefined {
  const file = markerFile(stackDir(stack));
  if (!existsSync(file)) return undefined;
  const [, network, ...backend] = readFileSync(file, "utf8").trim().split(" ");
  return { ...(network ? { network } : {}), ...(backend.length > 0 ? { backend: backend.join(" ") } : {}) };
}
