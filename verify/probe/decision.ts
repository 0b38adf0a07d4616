import { ports } from "../../config/vocabulary";
import { authenticationAtGateway, podsBehind, services, strictPolicy, workloads } from "../../experiments/names";
import type { AccessLine } from "../logs/access-log";
import { connectionOf, isPolicyRefusal } from "../logs/ztunnel-log";
import type { Decision } from "../report/schema";
import { isOwn, type RecordLookup, type Records } from "./records";
import type { Answer } from "./send";

/** Body of a response that Envoy's RBAC filter generates. */
export const rbacBody = "RBAC: access denied";

/** The layer that decided about a request: from log lines where there are any, else from the answer. */
export function decide(answer: Answer, records: Records): Decision {
  return (
    byWaypoint(answer, lineOf(records.waypoint)) ??
    byGateway(lineOf(records.gateway)) ??
    byZtunnel(answer, records) ??
    byAnswer(answer, records)
  );
}

const lineOf = (sought: RecordLookup<AccessLine>): AccessLine | undefined =>
  "found" in sought ? sought.found : undefined;

/** The decision in the waypoint's log line; undefined without a line. */
export function byWaypoint({ service }: Pick<Answer, "service">, line: AccessLine | undefined): Decision | undefined {
  if (!line) return undefined;
  const base = { layer: "waypoint", because: `${line.status} ${line.flags} ${line.details}`, line: line.text } as const;
  const rule = rbacRule(line);
  if (rule !== undefined) {
    const policy = policyOf(rule) ?? services[service].policy;
    return { ...base, action: "refused", ...(policy ? { policy } : {}), because: becauseOf(rule) };
  }
  // "NR" is Envoy's flag, "NotFound" agentgateway's reason.
  if (/\bNR\b|^NotFound$/.test(line.flags))
    return { ...base, action: "refused", because: `no route matches the request (${line.flags})` };
  // agentgateway's reason for a refusal of its own; no version of it gets Istio's policies yet.
  if (line.flags === "Authorization") return { ...base, action: "refused" };
  if (reachedApp(line)) return { ...base, action: "answered", layer: "app" };
  return {
    ...base,
    layer: "app",
    action: "failed",
    because: `the waypoint could not reach ${podsBehind(service)}: ${base.because}`,
  };
}

function byGateway(line: AccessLine | undefined): Decision | undefined {
  if (!line) return undefined;
  const base = { layer: "gateway", because: `${line.status} ${line.flags} ${line.details}`, line: line.text } as const;
  if (line.flags.includes("NR"))
    return { ...base, action: "refused", because: "no route matches the host (NR route_not_found)" };
  const rule = rbacRule(line);
  if (rule !== undefined) {
    const policy = policyOf(rule);
    return { ...base, action: "refused", ...(policy ? { policy } : {}), because: becauseOf(rule) };
  }
  const distrusted = /^jwt_authn_access_denied\{(.*)\}$/.exec(line.details)?.[1];
  if (distrusted !== undefined)
    return { ...base, action: "refused", policy: authenticationAtGateway, because: distrusted };
  // Envoy's detail for an answer that a route itself defines.
  if (line.details === "direct_response" && line.status >= 300 && line.status < 400)
    return { ...base, action: "redirected" };
  if (reachedApp(line))
    return line.upstreamHost.endsWith(`:${ports.hbone}`) ? undefined : { ...base, action: "answered", layer: "app" };
  const next = line.upstreamHost === "-" ? "no endpoint" : line.upstreamHost;
  return {
    ...base,
    action: "failed",
    because: `the gateway could not reach ${line.upstreamCluster} (${next}): ${base.because}`,
  };
}

function byZtunnel(answer: Answer, records: Records): Decision | undefined {
  // A client with an answer was not reset: the refusal is of an earlier request of the same workload, or the client hung up.
  if (answer.status > 0 || !("found" in records.ztunnel)) return undefined;
  const { found } = records.ztunnel;
  const own = found.findLast((line) => line.event === "complete" && isOwn(line, answer));
  if (own?.error === undefined) return undefined;
  // The caller's ztunnel logs only the refusal; the ztunnel of the destination logs the reason, in its latest line.
  const far = found.findLast((line) => line.direction === "inbound" && isPolicyRefusal(line));
  const line = own.direction === "outbound" && isPolicyRefusal(own) ? (far ?? own) : own;
  const base = {
    ...({ layer: "ztunnel", because: line.error ?? "", line: line.text } as const),
    connection: connectionOf(line),
  };
  if (!isPolicyRefusal(line)) return { ...base, action: "failed" };
  const named = /explicitly denied by: ([\w-]+\/)?([\w-]+)/.exec(line.error ?? "")?.[2];
  const app = podsBehind(answer.service);
  const policy = !named
    ? workloads[app].policy
    : named === strictPolicy.name
      ? workloads[app].peerAuthentication
      : `AuthorizationPolicy/${named}`;
  return { ...base, action: "reset", ...(policy ? { policy } : {}) };
}

function byAnswer(answer: Answer, records: Records): Decision {
  const unseen = Object.values(records).find((sought) => "unavailable" in sought);
  const blind = unseen && "unavailable" in unseen ? ` (${unseen.unavailable})` : "";
  if (answer.status === 403 && answer.body === rbacBody) {
    return { layer: "unknown", action: "refused", because: `an Envoy said "${rbacBody}", no log says which${blind}` };
  }
  if (answer.status >= 200 && answer.status < 300) {
    return { layer: "app", action: "answered", because: `${answer.status} without a record of the waypoint${blind}` };
  }
  if (answer.status > 0) return { layer: "unknown", action: "failed", because: `${answer.status}${blind}` };
  return { layer: "unknown", action: "failed", because: `${answer.error ?? `curl exit ${answer.exit}`}${blind}` };
}

/** Envoy logs "via_upstream" when the next hop answered. */
const reachedApp = (line: AccessLine): boolean => line.details === "via_upstream";

/** The rule by which an RBAC filter refused, or "none" where an ALLOW policy has none that fits. */
const rbacRule = ({ details }: AccessLine): string | undefined =>
  /^rbac_access_denied_matched_policy\[(.*)\]$/.exec(details)?.[1];

const policyOf = (rule: string): string | undefined => {
  const named = /policy\[([^\]]+)\]/.exec(rule)?.[1];
  return named && `AuthorizationPolicy/${named}`;
};

const becauseOf = (rule: string): string =>
  rule === "none" ? "no rule of the ALLOW policy matches the request" : `rule ${rule} denies the request`;
