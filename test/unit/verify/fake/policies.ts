import { strictPolicy } from "../../../../experiments/names";
import { listAt, textAt, textsAt } from "../../../../verify/json";
import type { KubeObject } from "../../../../verify/lab-client";
import { refusedByPolicy } from "./lines";
import type { FakeRequest } from "./request";
import type { FakeState } from "./state";

const principalsOf = (rule: unknown): string[] =>
  listAt(rule, "from").flatMap((from) => textsAt(from, "source", "principals"));
const pathsOf = (rule: unknown): string[] => listAt(rule, "to").flatMap((to) => textsAt(to, "operation", "paths"));
const methodsOf = (rule: unknown): string[] => listAt(rule, "to").flatMap((to) => textsAt(to, "operation", "methods"));

const isDeny = (policy: KubeObject): boolean => textAt(policy, "spec", "action") === "DENY";
const nameOf = ({ metadata }: KubeObject): string => metadata?.name ?? "";

/** Policies on an application's pods: their ztunnel enforces them. */
export const policiesOn = (state: FakeState, app: string): KubeObject[] =>
  state
    .toldAll("AuthorizationPolicy")
    .filter((policy) => textAt(policy, "spec", "selector", "matchLabels", "app") === app);

/** Policies of a Service: its waypoint enforces them. */
export const policiesAt = (state: FakeState, service: string): KubeObject[] =>
  state
    .toldAll("AuthorizationPolicy")
    .filter((policy) => listAt(policy, "spec", "targetRefs").some((ref) => textAt(ref, "name") === service));

/** The rules of a policy that ztunnel gets: an ALLOW rule about HTTP is left out, a DENY rule loses what is about HTTP. */
export const ztunnelRules = (policy: KubeObject): string[][] =>
  listAt(policy, "spec", "rules")
    .filter((rule) => isDeny(policy) || methodsOf(rule).length === 0)
    .map(principalsOf);

/** Whether an application's pods take mutual TLS alone. */
export const isStrict = (state: FakeState, app: string): boolean =>
  state
    .toldAll("PeerAuthentication")
    .filter((each) => textAt(each, "spec", "selector", "matchLabels", "app") === app)
    .some((each) => textAt(each, "spec", "mtls", "mode") === "STRICT");

/** ztunnel's words when it refuses a caller; nothing when it lets it in. */
export function ztunnelRefusal(state: FakeState, app: string, principal: string): string | undefined {
  if (isStrict(state, app) && principal === "")
    return `connection closed due to policy rejection: explicitly denied by: ${strictPolicy.namespace}/${strictPolicy.name}`;
  const policies = policiesOn(state, app);
  const names = (policy: KubeObject) => ztunnelRules(policy).some((rule) => rule.includes(principal));
  const denied = policies.find((policy) => isDeny(policy) && names(policy));
  if (denied) return `connection closed due to policy rejection: explicitly denied by: default/${nameOf(denied)}`;
  const allowing = policies.filter((policy) => !isDeny(policy));
  return allowing.length > 0 && !allowing.some(names) ? refusedByPolicy : undefined;
}

/** The rule by which the waypoint refuses a request, in its log's words; nothing when it lets it through. */
export function waypointRefusal(
  state: FakeState,
  service: string,
  principal: string,
  { method, path }: Pick<FakeRequest, "method" | "path">,
): string | undefined {
  const policies = policiesAt(state, service);
  const matches = (rule: unknown) =>
    (principalsOf(rule).length === 0 || principalsOf(rule).includes(principal)) &&
    (methodsOf(rule).length === 0 || methodsOf(rule).includes(method)) &&
    (pathsOf(rule).length === 0 || pathsOf(rule).some((each) => each === "*" || each === path));
  const rules = (policy: KubeObject) => listAt(policy, "spec", "rules");
  const denied = policies.find((policy) => isDeny(policy) && rules(policy).some(matches));
  if (denied) return `ns[${denied.metadata?.namespace}]-policy[${nameOf(denied)}]-rule[0]`;
  const allowing = policies.filter((policy) => !isDeny(policy));
  return allowing.length > 0 && !allowing.some((policy) => rules(policy).some(matches)) ? "none" : undefined;
}
