import { ports } from "../../config/vocabulary";
import type { AccessLine } from "../logs/access-log";
import { connectionOf, isPolicyRefusal, policyNamedBy } from "../logs/ztunnel-log";
import type { Decision } from "../report/schema";
import { ownConnection, type RecordLookup, type Records } from "./records";
import type { Answer } from "./send";

/** Body of a response that Envoy's RBAC filter generates. */
export const rbacBody = "RBAC: access denied";

/** The destination of a request, and the names of the policies that protect it. */
export interface DecisionTarget {
  /** Name of the application. */
  app: string;
  /** Policy to report when the waypoint refused a request because no ALLOW rule matched: the log then names no policy. */
  waypointPolicy?: string;
  /** Policy to report when ztunnel refused a connection for the same reason. */
  podPolicy?: string;
  /** The RequestAuthentication of the gateway: Envoy does not name it when it refuses a token. */
  authentication?: string;
  /** Display name of a policy that a log record names. Envoy always logs the namespace, ztunnel usually does. */
  policyCalled(policy: { namespace?: string; name: string }): string | undefined;
}

/** The fields of a client's answer that a decision needs. */
export type ClientAnswer = Pick<Answer, "status" | "body" | "exit" | "error" | "local">;

/** Derives which layer decided about a request from its log records, and without records from the answer of the client. */
export function decisionFromRecords(answer: ClientAnswer, records: Records, target: DecisionTarget): Decision {
  return (
    byWaypoint(target, lineOf(records.waypoint)) ??
    byGateway(target, lineOf(records.gateway)) ??
    byZtunnel(answer, records, target) ??
    byAnswer(answer, records)
  );
}

const lineOf = (sought: RecordLookup<AccessLine>): AccessLine | undefined =>
  "found" in sought ? sought.found : undefined;

/** The decision in the waypoint's log line; undefined without a line. */
export function byWaypoint(target: DecisionTarget, line: AccessLine | undefined): Decision | undefined {
  if (!line) return undefined;
  const base = baseOf("waypoint", line);
  const refused = byFilter(base, line, target, target.waypointPolicy);
  if (refused) return refused;
  // "NR" is Envoy's flag, "NotFound" agentgateway's reason.
  if (/\bNR\b|^NotFound$/.test(line.flags))
    return { ...base, action: "refused", because: `no route matches the request (${line.flags})` };
  // agentgateway's reason for a refusal. No version of istiod sends it AuthorizationPolicies.
  if (line.flags === "Authorization") return { ...base, action: "refused" };
  if (redirects(line)) return { ...base, action: "redirected" };
  if (reachedApp(line)) return { ...base, action: "answered", layer: "app" };
  return {
    ...base,
    layer: "app",
    action: "failed",
    because: `the waypoint could not reach ${target.app}: ${base.because}`,
  };
}

function byGateway(target: DecisionTarget, line: AccessLine | undefined): Decision | undefined {
  if (!line) return undefined;
  const base = baseOf("gateway", line);
  if (line.flags.includes("NR"))
    return { ...base, action: "refused", because: "no route matches the host (NR route_not_found)" };
  const refused = byFilter(base, line, target, undefined);
  if (refused) return refused;
  if (redirects(line)) return { ...base, action: "redirected" };
  if (reachedApp(line))
    return line.upstreamHost.endsWith(`:${ports.hbone}`) ? undefined : { ...base, action: "answered", layer: "app" };
  const next = line.upstreamHost === "-" ? "no endpoint" : line.upstreamHost;
  return {
    ...base,
    action: "failed",
    because: `the gateway could not reach ${line.upstreamCluster} (${next}): ${base.because}`,
  };
}

type LineDecision = Omit<Decision, "action"> & { line: string };

const baseOf = (layer: "gateway" | "waypoint", { status, flags, details, text }: AccessLine): LineDecision => ({
  ...{ layer, because: `${status} ${flags} ${details}`, line: text },
});

/**
 * A refusal by one of Envoy's filters, as the response code details name it: RBAC, jwt_authn, ext_authz
 * (Envoy: source/extensions/filters/http/{rbac/rbac_filter.cc, jwt_authn/filter.cc, ext_authz/ext_authz.h}).
 * @param otherwise policy of a refusal by RBAC without a name, because no ALLOW rule matches
 */
function byFilter(
  base: LineDecision,
  line: AccessLine,
  target: DecisionTarget,
  otherwise: string | undefined,
): Decision | undefined {
  const refused = (because: string, policy: string | undefined): Decision => ({
    ...{ ...base, action: "refused", because },
    ...(policy ? { policy } : {}),
  });
  const rule = rbacRule(line);
  if (rule !== undefined) return refused(becauseOf(rule), policyOf(rule, target) ?? otherwise);
  const distrusted = /^jwt_authn_access_denied\{(.*)\}$/.exec(line.details)?.[1];
  if (distrusted !== undefined) return refused(distrusted, target.authentication);
  if (line.details === "ext_authz_denied") return refused("the external authorizer denies the request", undefined);
  return undefined;
}

/** Envoy's detail for an answer that a route itself defines. */
const redirects = ({ details, status }: AccessLine): boolean =>
  details === "direct_response" && status >= 300 && status < 400;

function byZtunnel(answer: ClientAnswer, records: Records, target: DecisionTarget): Decision | undefined {
  // A client with an answer was not reset: the refusal is about an earlier request of the workload, or curl closed the connection.
  if (answer.status > 0 || !("found" in records.ztunnel)) return undefined;
  const { found } = records.ztunnel;
  const own = ownConnection(found, answer);
  if (own?.error === undefined) return undefined;
  // The caller's ztunnel logs only the refusal; the ztunnel of the destination logs the reason, in its latest line.
  const far = found.findLast((line) => line.direction === "inbound" && isPolicyRefusal(line));
  const line = own.direction === "outbound" && isPolicyRefusal(own) ? (far ?? own) : own;
  const base = {
    ...({ layer: "ztunnel", because: line.error ?? "", line: line.text } as const),
    connection: connectionOf(line),
  };
  if (!isPolicyRefusal(line)) return { ...base, action: "failed" };
  const named = policyNamedBy(line);
  const policy = named ? target.policyCalled(named) : target.podPolicy;
  return { ...base, action: "reset", ...(policy ? { policy } : {}) };
}

function byAnswer(answer: ClientAnswer, records: Records): Decision {
  const unseen = Object.values(records).find((sought) => "unavailable" in sought);
  const blind = unseen && "unavailable" in unseen ? ` (${unseen.unavailable})` : "";
  if (answer.status === 403 && answer.body === rbacBody) {
    return {
      layer: "unknown",
      action: "refused",
      because: `an Envoy answered "${rbacBody}", and no log names it${blind}`,
    };
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

const policyOf = (rule: string, { policyCalled }: DecisionTarget): string | undefined => {
  const [, namespace, name] = /(?:ns\[([^\]]+)\]-)?policy\[([^\]]+)\]/.exec(rule) ?? [];
  return name === undefined ? undefined : policyCalled({ name, ...(namespace ? { namespace } : {}) });
};

const becauseOf = (rule: string): string =>
  rule === "none" ? "no rule of the ALLOW policy matches the request" : `rule ${rule} denies the request`;
