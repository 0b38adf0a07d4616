import { at, entriesAt, listAt, textAt, textsAt } from "../json";
import {
  all,
  always,
  any,
  type Condition,
  fieldNameOf,
  matches,
  never,
  not,
  present,
  test,
  unknown,
} from "./condition";

interface ZtunnelWorkload {
  name: string;
  namespace: string;
  account: string;
  protocol: string;
  ips: readonly string[];
  /** Policies that select it, such as "default/appb-waypoint-only". */
  policies: readonly string[];
}

/** A policy in the configuration of a ztunnel. */
export interface ZtunnelPolicy {
  name: string;
  namespace: string;
  /** Pods that it applies to: all ("Global"), those of its namespace ("Namespace"), or those that name it ("WorkloadSelector"). */
  scope: string;
  action: string;
  /** A dry run: evaluated without effect. */
  dryRun: boolean;
  condition: Condition;
}

/** The configuration of a ztunnel, from its `/config_dump`. */
export interface ZtunnelDump {
  workloads: readonly ZtunnelWorkload[];
  /** "namespace/name" of the pods on its node whose connections it proxies; absent in dumps without this information. */
  serves?: readonly string[];
  services: readonly { namespace: string; hostname: string; waypoint?: string }[];
  /** Certificates of the workloads on its node. */
  certificates: readonly { identity: string; state: string; validFrom: string; expires: string }[];
  policies: readonly ZtunnelPolicy[];
}

/** Reads the dump of a ztunnel, without keys, certificates and tokens. */
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
    policies: listAt(dump, "policies").map(policyOf),
  };
}

/** The pod in a state; a pod that is being added or removed has another state than "Up". */
function servedIn(state: unknown): string[] {
  if (textAt(state, "state") !== "Up") return [];
  return [`${textAt(state, "info", "namespace")}/${textAt(state, "info", "name")}`];
}

const policyFields = ["name", "namespace", "scope", "action", "rules", "dryRun"];

/** ztunnel, src/rbac.rs: Authorization and how it is matched. */
function policyOf(policy: unknown): ZtunnelPolicy {
  const odd = entriesAt(policy).filter(([key]) => !policyFields.includes(key));
  const rules = at(policy, "rules");
  return {
    name: textAt(policy, "name") ?? "",
    namespace: textAt(policy, "namespace") ?? "",
    scope: textAt(policy, "scope") ?? "",
    action: textAt(policy, "action") ?? "",
    dryRun: at(policy, "dryRun") === true,
    condition:
      odd.length > 0 || !Array.isArray(rules)
        ? unknown(odd.length > 0 ? Object.fromEntries(odd) : { rules })
        : any(rules.map((rule) => (Array.isArray(rule) ? all(rule.map(clauseOf)) : unknown(rule)))),
  };
}

/** A clause without matches always holds; a match without fields never does. */
function clauseOf(clause: unknown): Condition {
  if (!Array.isArray(clause)) return unknown(clause);
  return clause.length === 0 ? always : any(clause.map(matchOf));
}

function matchOf(match: unknown): Condition {
  if (typeof match !== "object" || match === null || Array.isArray(match)) return unknown(match);
  const fields = entriesAt(match).filter(([, values]) => !Array.isArray(values) || values.length > 0);
  return fields.length === 0 ? never : all(fields.map(([key, values]) => fieldOf(key, values)));
}

const fields: Readonly<Record<string, (value: unknown) => Condition>> = {
  namespaces: (value) => stringOf("namespace", value),
  principals: (value) => stringOf("identity", value),
  serviceAccounts: accountOf,
  sourceIps: (value) => rangeOf("source address", value),
  destinationIps: (value) => rangeOf("destination address", value),
  destinationPorts: (value) => (typeof value === "number" ? test(`port is ${value}`) : unknown(value)),
};

/** A field holds when any of its values does, its negation (`notPrincipals`) when none does. */
function fieldOf(key: string, values: unknown): Condition {
  const { name, negated } = fieldNameOf(key);
  const read = fields[name];
  if (!read || !Array.isArray(values)) return unknown({ [key]: values });
  return negated ? not(any(values.map(read))) : any(values.map(read));
}

const kinds = { Exact: "exact", Prefix: "prefix", Suffix: "suffix" } as const;

function stringOf(what: string, value: unknown): Condition {
  const [[kind, text] = ["", undefined], ...more] = entriesAt(value);
  if (more.length > 0) return unknown(value);
  if (kind === "Presence") return present(what);
  if ((kind === "Exact" || kind === "Prefix" || kind === "Suffix") && typeof text === "string")
    return matches(what, kinds[kind], text);
  return unknown(value);
}

function accountOf(value: unknown): Condition {
  const [namespace, name] = [textAt(value, "namespace"), textAt(value, "serviceAccount")];
  if (namespace === undefined || name === undefined || entriesAt(value).length !== 2) return unknown(value);
  return test(`service account is ${namespace}/${name}`);
}

const rangeOf = (what: string, value: unknown): Condition =>
  typeof value === "string" ? test(`${what} is in ${value}`) : unknown(value);
