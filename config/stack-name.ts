import { UsageError } from "../host/errors";

/**
 * Checks that a stack's name can be part of the names of its cluster, network and nodes. The longest of them,
 * `ambient-lab-NAME-control-plane`, then has 58 characters; a host name may have 63 (RFC 1123).
 * @returns the name
 * @throws UsageError for any other name
 */
export function requireStackName(name: string): string {
  if (/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(name)) return name;
  throw new UsageError({
    what: `Stack name "${name}" is refused`,
    why: "It is part of the cluster's, the network's and the nodes' names: small letters, digits and dashes, at most 32",
    fix: "npm run up -- --stack alice",
  });
}
