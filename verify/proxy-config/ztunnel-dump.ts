import { at, entriesAt, listAt, textAt, textsAt } from "../json";

/** A pod as a ztunnel knows it. */
interface ZtunnelWorkload {
  name: string;
  namespace: string;
  account: string;
  protocol: string;
  ips: readonly string[];
  /** Policies that select it, such as "default/appb-waypoint-only". */
  policies: readonly string[];
}

/** A policy as a ztunnel knows it. */
export interface ZtunnelPolicy {
  name: string;
  namespace: string;
  /** Whom it is about: "Global", the pods of its namespace ("Namespace"), or those that name it ("WorkloadSelector"). */
  scope: string;
  action: string;
  principals: readonly string[];
}

/** What a ztunnel knows, from its `/config_dump`. */
export interface ZtunnelDump {
  workloads: readonly ZtunnelWorkload[];
  /** "namespace/name" of the pods on its own node whose connections it takes; absent where the dump does not tell. */
  serves?: readonly string[];
  services: readonly { namespace: string; hostname: string; waypoint?: string }[];
  /** Certificates of the workloads on its own node. */
  certificates: readonly { identity: string; state: string; validFrom: string; expires: string }[];
  policies: readonly ZtunnelPolicy[];
}

/** Reads ztunnel's dump; keys, certificates' bodies and tokens are left behind. */
export function parseZtunnelDump(dump: unknown): ZtunnelDump {
  const states = at(dump, "workloadState");
  return {
    ...(states === undefined ? {} : { serves: entriesAt(states).flatMap(([, state]) => servedIn(state)) }),
    workloads: listAt(dump, "workloads").map((item) => ({
      name: textAt(item, "name") ?? "",
      namespace: textAt(item, "namespace") ?? "",
      account: textAt(item, "serviceAccount") ?? "",
      protocol: textAt(item, "protocol") ?? "",
      ips: textsAt(item, "workloadIps"),
      policies: textsAt(item, "authorizationPolicies"),
    })),
    services: listAt(dump, "services").map((item) => {
      const waypoint = textAt(item, "waypoint", "destination");
      return {
        namespace: textAt(item, "namespace") ?? "",
        hostname: textAt(item, "hostname") ?? "",
        ...(waypoint ? { waypoint } : {}),
      };
    }),
    certificates: listAt(dump, "certificates").map((item) => ({
      identity: textAt(item, "identity") ?? "",
      state: textAt(item, "state") ?? "",
      validFrom: textAt(item, "certChain", 0, "validFrom") ?? "",
      expires: textAt(item, "certChain", 0, "expirationTime") ?? "",
    })),
    policies: listAt(dump, "policies").map((item) => ({
      name: textAt(item, "name") ?? "",
      namespace: textAt(item, "namespace") ?? "",
      scope: textAt(item, "scope") ?? "",
      action: textAt(item, "action") ?? "",
      principals: exactPrincipals(at(item, "rules")),
    })),
  };
}

/** A pod that is on its way in or out is in the list as well, in another state than "Up". */
function servedIn(state: unknown): string[] {
  if (textAt(state, "state") !== "Up") return [];
  return [`${textAt(state, "info", "namespace")}/${textAt(state, "info", "name")}`];
}

/** Rules are nested lists of matches; what the lab's policies use are exact principals. */
function exactPrincipals(rules: unknown): string[] {
  if (Array.isArray(rules)) return rules.flatMap(exactPrincipals);
  if (typeof rules !== "object" || rules === null) return [];
  return Object.entries(rules).flatMap(([key, value]) =>
    key === "principals" ? listAt(value).map((item) => textAt(item, "Exact") ?? "*") : exactPrincipals(value),
  );
}
