import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { type Checkout, canonicalBackend } from "./backend";
import { projectFile } from "./project-file";

/**
 * Owner of the labs that a checkout creates: the user and the backend that holds the state, such as
 * `alice@laptop file:///home/alice`. A project with another name than this repository's is added:
 * `alice@laptop file:///home/alice#my-lab`. Checkouts with the same owner and stack name share one state, and so one lab.
 *
 * The user stays part of it with Pulumi Cloud: a colleague who selects the same stack has another Docker as a rule. Where both use
 * one Docker (a remote DOCKER_HOST, a CI machine), the command of the second user is refused and names the first. The organization
 * is not part of it, because only the program can read it. Two stacks of the same name in different organizations are distinguished by
 * the ID of the Docker network in the state (`requireOwnNetwork`, `requireNodesOfState`, components/scripts/kind-own.sh) and by a label
 * of the network (`labelsOf`). A lab without a state is not removed as lost, because it may be that of a stack in another organization.
 */
export function labOwner(checkout: Checkout = { env: process.env, root: join(__dirname, "..") }): string {
  const { name } = projectFile(checkout.root);
  return `${userAtHost()} ${canonicalBackend(checkout)}${name === "ambient-lab" ? "" : `#${name}`}`;
}

/**
 * Owner of a lab's objects in a cluster that several machines reach. A backend that is not a folder is the owner without the
 * user, because its users share one state. In Pulumi Cloud, each organization has stacks of its own.
 */
export function stateOwner(organization: string, checkout?: Checkout): string {
  const owner = labOwner(checkout);
  const { backend } = ownerParts(owner);
  if (backend.startsWith("file://")) return owner;
  return isService(owner) ? `${backend}/${organization}` : backend;
}

/** Whether a service, such as Pulumi Cloud, keeps the state: it has stacks of several organizations. */
export const isService = (owner: string): boolean => /^https?:/.test(ownerParts(owner).backend);

/** The parts of {@link labOwner} or {@link stateOwner}; the latter may have no user. */
export function ownerParts(owner: string): { user: string; backend: string } {
  const space = owner.indexOf(" ");
  if (space < 0) return { user: "", backend: owner };
  return { user: owner.slice(0, space), backend: owner.slice(space + 1) };
}

/** The backend of {@link ownerParts} without the project: the address of the state. */
export const stateAddress = (backend: string): string => backend.replace(/#[A-Za-z0-9._-]+$/, "");

/** On macOS only the user name: macOS changes its host name with the network. */
function userAtHost(): string {
  const [host = ""] = hostname().split(".");
  return process.platform === "darwin" ? userName() : `${userName()}@${host}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? "unknown"}`; // The user has no entry in the password database.
  }
}
