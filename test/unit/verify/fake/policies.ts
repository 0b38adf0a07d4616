import { strictPolicy } from "../../../../experiments/names";
import { at, listAt, textAt, textsAt } from "../../../../verify/json";
import type { KubeObject } from "../../../../verify/lab-client";
import { refusedByPolicy } from "./lines";
import { keyOf, keyOfObject, selects } from "./object-key";
import type { FakeRequest } from "./request";
import type { FakePod, FakeState } from "./state";

const principalsOf = (rule: unknown): string[] =>
  listAt(rule, "from").flatMap((from) => textsAt(from, "source", "principals"));
const pathsOf = (rule: unknown): string[] => listAt(rule, "to").flatMap((to) => textsAt(to, "operation", "paths"));
const methodsOf = (rule: unknown): string[] => listAt(rule, "to").flatMap((to) => textsAt(to, "operation", "methods"));

const isDeny = (policy: KubeObject): boolean => textAt(policy, "spec", "action") === "DENY";
const nameOf = ({ metadata }: KubeObject): string => metadata?.name ?? "";

/** Whether a policy with a selector is about a pod: of its own namespace alone, here where none is in the root namespace. */
const isAbout = (policy: KubeObject, pod: FakePod | undefined): boolean => {
  const labels = at(policy, "spec", "selector", "matchLabels");
  return labels !== undefined && policy.metadata?.namespace === pod?.namespace && selects(labels, pod?.labels ?? {});
};

/** Policies on a pod: its ztunnel enforces them. */
export const policiesOn = (state: FakeState, pod: FakePod): KubeObject[] =>
  state.toldAll("AuthorizationPolicy").filter((policy) => isAbout(policy, pod));

/** Policies of a Service: its waypoint enforces them. */
export function policiesAt(state: FakeState, service: string): KubeObject[] {
  const found = state.serviceNamed(service);
  const key = found && keyOfObject(found);
  return state
    .toldAll("AuthorizationPolicy")
    .filter((policy) =>
      listAt(policy, "spec", "targetRefs").some(
        (ref) => keyOf(textAt(ref, "kind"), policy.metadata?.namespace, textAt(ref, "name")) === key,
      ),
    );
}

/** The rules of a policy that ztunnel gets: an ALLOW rule about HTTP is left out, a DENY rule loses what is about HTTP. */
export const ztunnelRules = (policy: KubeObject): string[][] =>
  listAt(policy, "spec", "rules")
    .filter((rule) => isDeny(policy) || methodsOf(rule).length === 0)
    .map(principalsOf);

/** Whether a pod takes mutual TLS alone. */
export const isStrict = (state: FakeState, pod: FakePod): boolean =>
  state
    .toldAll("PeerAuthentication")
    .some((each) => isAbout(each, pod) && textAt(each, "spec", "mtls", "mode") === "STRICT");

/** The error that ztunnel logs when it refuses a caller; undefined when it lets it in. */
export function ztunnelRefusal(state: FakeState, pod: FakePod, principal: string): string | undefined {
  if (isStrict(state, pod) && principal === "")
    return `connection closed due to policy rejection: explicitly denied by: ${strictPolicy.namespace}/${strictPolicy.name}`;
  const policies = policiesOn(state, pod);
  const names = (policy: KubeObject) => ztunnelRules(policy).some((rule) => rule.includes(principal));
  const denied = policies.find((policy) => isDeny(policy) && names(policy));
  if (denied)
    return `connection closed due to policy rejection: explicitly denied by: ${denied.metadata?.namespace}/${nameOf(denied)}`;
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
