import { strictPolicy } from "../../../../experiments/names";
import { at, listAt, textAt, textsAt } from "../../../../verify/json";
import type { KubeObject } from "../../../../verify/lab-client";
import { refusedByPolicy } from "./lines";
import { keyOf, keyOfObject, selects } from "./object-key";
import type { FakeRequest } from "./request";
import type { FakePod, FakeState } from "./state";

/** Istio's wildcards: "*" for any, "*suffix" and "prefix*". */
function fits(pattern: string, text: string): boolean {
  if (pattern === "*") return text !== "";
  if (pattern.startsWith("*")) return text.endsWith(pattern.slice(1));
  return pattern.endsWith("*") ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}

/** Whether a text matches the values of a field, if there are any, and none of its negated values. */
function holds(fields: unknown, key: string, text: string): boolean {
  const values = textsAt(fields, key);
  const not = textsAt(fields, `not${key.charAt(0).toUpperCase()}${key.slice(1)}`);
  return (values.length === 0 || values.some((each) => fits(each, text))) && !not.some((each) => fits(each, text));
}

const partsOf = (rule: unknown, key: string, inner: string): unknown[] => {
  const parts = listAt(rule, key).map((each) => at(each, inner));
  return parts.length > 0 ? parts : [{}];
};

/** Whether a rule matches a caller, whose identity is empty outside the mesh. */
const isFrom = (rule: unknown, principal: string): boolean =>
  partsOf(rule, "from", "source").some(
    (source) => holds(source, "principals", principal) && holds(source, "namespaces", principal.split("/")[2] ?? ""),
  );

const isTo = (rule: unknown, { method, path }: Pick<FakeRequest, "method" | "path">): boolean =>
  partsOf(rule, "to", "operation").some(
    (operation) => holds(operation, "methods", method) && holds(operation, "paths", path),
  );

const isHttp = (rule: unknown): boolean =>
  partsOf(rule, "to", "operation").some((operation) => at(operation, "methods") ?? at(operation, "paths"));

const isDeny = (policy: KubeObject): boolean => textAt(policy, "spec", "action") === "DENY";
const nameOf = ({ metadata }: KubeObject): string => metadata?.name ?? "";

/** Whether a policy without a target applies to a pod: by its selector, in its own namespace or from the root namespace. */
const isAbout = (policy: KubeObject, pod: FakePod | undefined): boolean => {
  if (at(policy, "spec", "targetRefs")) return false;
  const labels = at(policy, "spec", "selector", "matchLabels") ?? {};
  const { namespace } = policy.metadata ?? {};
  return (namespace === pod?.namespace || namespace === "istio-system") && selects(labels, pod?.labels ?? {});
};

/** Policies for a pod, which its ztunnel enforces. */
export const policiesOn = (state: FakeState, pod: FakePod): KubeObject[] =>
  state.pushedAll("AuthorizationPolicy").filter((policy) => isAbout(policy, pod));

/** Policies for a Service, which its waypoint enforces. */
export function policiesAt(state: FakeState, service: string): KubeObject[] {
  const found = state.serviceNamed(service);
  const key = found && keyOfObject(found);
  return state
    .pushedAll("AuthorizationPolicy")
    .filter((policy) =>
      listAt(policy, "spec", "targetRefs").some(
        (ref) => keyOf(textAt(ref, "kind"), policy.metadata?.namespace, textAt(ref, "name")) === key,
      ),
    );
}

/** The rules of a policy in ztunnel: an ALLOW rule with HTTP fields is omitted; in a DENY rule only the HTTP fields are omitted. */
const ztunnelRules = (policy: KubeObject): readonly unknown[] =>
  listAt(policy, "spec", "rules").filter((rule) => isDeny(policy) || !isHttp(rule));

/** Whether a pod accepts only mutual TLS. */
export const isStrict = (state: FakeState, pod: FakePod): boolean =>
  state
    .pushedAll("PeerAuthentication")
    .some((each) => isAbout(each, pod) && textAt(each, "spec", "mtls", "mode") === "STRICT");

/** The error that ztunnel logs when it refuses a caller; undefined when it allows the caller. */
export function ztunnelRefusal(state: FakeState, pod: FakePod, principal: string): string | undefined {
  if (isStrict(state, pod) && principal === "")
    return `connection closed due to policy rejection: explicitly denied by: ${strictPolicy.namespace}/${strictPolicy.name}`;
  const policies = policiesOn(state, pod);
  const names = (policy: KubeObject) => ztunnelRules(policy).some((rule) => isFrom(rule, principal));
  const denied = policies.find((policy) => isDeny(policy) && names(policy));
  if (denied)
    return `connection closed due to policy rejection: explicitly denied by: ${denied.metadata?.namespace}/${nameOf(denied)}`;
  const allowing = policies.filter((policy) => !isDeny(policy));
  return allowing.length > 0 && !allowing.some(names) ? refusedByPolicy : undefined;
}

/** The rule by which the sidecar of a pod refuses a request, as in its log; undefined when the request is allowed. */
export const sidecarRefusal = (
  state: FakeState,
  pod: FakePod,
  principal: string,
  request: Pick<FakeRequest, "method" | "path">,
): string | undefined => refusalBy(policiesOn(state, pod), principal, request);

/** The rule by which the waypoint refuses a request, as in its log; undefined when the request is allowed. */
export const waypointRefusal = (
  state: FakeState,
  service: string,
  principal: string,
  request: Pick<FakeRequest, "method" | "path">,
): string | undefined => refusalBy(policiesAt(state, service), principal, request);

function refusalBy(
  policies: readonly KubeObject[],
  principal: string,
  { method, path }: Pick<FakeRequest, "method" | "path">,
): string | undefined {
  const matches = (rule: unknown) => isFrom(rule, principal) && isTo(rule, { method, path });
  const rules = (policy: KubeObject) => listAt(policy, "spec", "rules");
  const denied = policies.find((policy) => isDeny(policy) && rules(policy).some(matches));
  if (denied) return `ns[${denied.metadata?.namespace}]-policy[${nameOf(denied)}]-rule[0]`;
  const allowing = policies.filter((policy) => !isDeny(policy));
  return allowing.length > 0 && !allowing.some((policy) => rules(policy).some(matches)) ? "none" : undefined;
}
