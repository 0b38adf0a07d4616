import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Exec } from "./exec";
import { isService, ownerParts, stateAddress } from "./lab-owner";
import { clusterName, markerFile, stackDir } from "./paths";

/** Labels of a lab's Docker network. All users of a Docker engine share its names; the labels distinguish their labs. */
const networkLabels = {
  /** Name of the stack. */
  stack: "ambient-lab.stack",
  /** Owner of the lab (host/lab-owner.ts). Networks that were created before this label existed have none. */
  owner: "ambient-lab.owner",
} as const;

/** The label of a lab whose state a service keeps: its organizations have stacks of the same names. */
const organizationLabel = "ambient-lab.organization";

/** The labels of the Docker network of a stack's lab. Networks of earlier versions have fewer. */
export function labelsOf(stack: string, owner: string, organization: string): Readonly<Record<string, string>> {
  return {
    [networkLabels.stack]: stack,
    [networkLabels.owner]: owner,
    ...(isService(owner) ? { [organizationLabel]: organization } : {}),
  };
}

/** A Docker network. */
export interface DockerNetwork {
  id: string;
  name: string;
  /** Value of {@link networkLabels}.stack; empty without the label. */
  stack: string;
  /** Value of {@link networkLabels}.owner; empty without the label. */
  owner: string;
}

/** Reads the subnets of networks. */
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

/** Reads all Docker networks; empty while Docker does not answer. */
export async function readNetworks(exec: Exec): Promise<DockerNetwork[]> {
  const columns = ["{{.ID}}", "{{.Name}}", ...Object.values(networkLabels).map((label) => `{{.Label "${label}"}}`)];
  const { stdout } = await exec("docker", ["network", "ls", "--no-trunc", "--format", columns.join("\t")]);
  return stdout.split("\n").flatMap((line) => {
    const [id, name, stack = "", owner = ""] = line.split("\t");
    return id && name ? [{ id, name, stack, owner }] : [];
  });
}

/** The network with the name of the stack's network. */
export function networkNamed(stack: string, networks: readonly DockerNetwork[]): DockerNetwork | undefined {
  return networks.find(({ name }) => name === clusterName(stack));
}

/**
 * Whether a network with the stack's name may belong to the stack's own lab. The marker file of a lab contains the id of its
 * network; ids are unique, so the file decides even after the host was renamed. Labs of other backends may share the folder of
 * the file: it contains the backend as well, except in earlier versions, for which the label of the owner names the backend.
 * Without the file, the label of the owner decides.
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
 * Backend of the lab whose files are in the stack's folder, when it is another one: the lab of a stack with the same name.
 * @returns undefined when the files are the stack's own, or when there are none
 */
export function backendOfFolder(stack: string, owner: string): string | undefined {
  const backend = readMarker(stack)?.backend;
  return backend !== undefined && !isOwnBackend(backend, owner) ? backend : undefined;
}

/** A state folder that no longer exists was moved: the backend has another address now. */
function isOwnBackend(recorded: string, owner: string): boolean {
  return recorded === "" || recorded === ownerParts(owner).backend || isGone(recorded);
}

function isGone(backend: string): boolean {
  if (!backend.startsWith("file://")) return false;
  // A path may end with "#" and a word, like an address with a project.
  const addresses = [backend, stateAddress(backend)];
  const folders = addresses.map((address) => join(address.slice("file://".length), ".pulumi", "stacks"));
  try {
    return folders.every((folder) => statSync(folder, { throwIfNoEntry: false }) === undefined);
  } catch {
    return false; // A folder that this user may not read exists.
  }
}

/** Content of a lab's marker file (components/scripts/kind-create.sh). Earlier versions wrote less. */
interface Marker {
  /** Id of the stack's network. */
  network?: string;
  /** Backend that holds the state. */
  backend?: string;
}

/** Undefined when no lab was created here. */
function readMarker(stack: string): Marker | undefined {
  const file = markerFile(stackDir(stack));
  if (!existsSync(file)) return undefined;
  const [, network, ...backend] = readFileSync(file, "utf8").trim().split(" ");
  return { network: network || undefined, backend: backend.length > 0 ? backend.join(" ") : undefined };
}
