import { principalOf } from "../../../../config/vocabulary";

/** Where the roles live that are not of the story's namespace. */
const elsewhere: Readonly<Record<string, string>> = {
  external: "outside",
  "egress-waypoint": "egress",
  appe: "second",
  "second-appa": "second",
  "second-waypoint": "second",
};

/** Namespace of a role's pods. */
export const namespaceOf = (role: string): string => elsewhere[role] ?? "default";

/** ServiceAccount, and label `app`, of a role's pods. */
export const accountFor = (role: string): string => (role === "second-appa" ? "appa" : role);

/** Identity of a role's pods as policies write it. */
export const identityOf = (role: string): string => principalOf(accountFor(role), namespaceOf(role));
