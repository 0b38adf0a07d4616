import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { type Checkout, canonicalBackend } from "./backend";

/**
 * Owner of the labs that a checkout creates: the user and the backend that holds the state, such as
 * `alice@laptop file:///home/alice`. Two checkouts with the same owner and stack name share one state, and so one lab.
 */
export function labOwner(checkout: Checkout = { env: process.env, root: join(__dirname, "..") }): string {
  return `${userAtHost()} ${canonicalBackend(checkout)}`;
}

/** The parts of {@link labOwner}. */
export function ownerParts(owner: string): { user: string; backend: string } {
  const space = owner.indexOf(" ");
  return { user: owner.slice(0, space), backend: owner.slice(space + 1) };
}

/** macOS takes its host name from the network that it joins; there the name of the user has to do. */
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
