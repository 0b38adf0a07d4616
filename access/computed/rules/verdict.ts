import { actionOf, isDryRun } from "../../../verify/declared/authorization";
import { listAt, textAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import type { Mesh } from "../../types";
import { type MeshProxy, policiesAt, policiesOfPod } from "../objects/binding";
import { meshConfigOf } from "../objects/mesh-config";
import { titleOf } from "../objects/mesh-objects";
import { isInMesh } from "../objects/pods";
import { envoyRuleMatches } from "./envoy-rules";
import { strictPolicyOf } from "./peer-authentication";
import type { Seen } from "./seen";
import { anyOf, reasonOf, type Truth, unclear } from "./truth";
import { ztunnelRuleMatches } from "./ztunnel-rules";

/** The verdict of the policies of one layer about a request. */
export type Verdict =
  | { is: "passed"; because: string }
  /** `policy` is absent when several policies deny the request, or may deny it. */
  | { is: "denied"; policy?: string; because: string }
  | { is: "unknown"; because: string };

/** The policies of an action that are enforced, each with whether it matches. */
type Judged = readonly { policy: KubeObject; matches: Truth }[];

type RuleTest = (rule: unknown, policy: KubeObject) => Truth;

const judged = (policies: readonly KubeObject[], action: string, test: RuleTest): Judged =>
  policies
    .filter((policy) => actionOf(policy) === action && !isDryRun(policy))
    .map((policy) => ({ policy, matches: anyOf(listAt(policy, "spec", "rules").map((rule) => test(rule, policy))) }));

const titles = (list: Judged): string => list.map(({ policy }) => titleOf(policy)).join(", ");

/** DENY policies first, then ALLOW policies: with at least one of them, one has to match. */
function decided(deny: Judged, allow: Judged, place: string): Verdict {
  const matching = deny.filter(({ matches }) => matches === true);
  const maybe = deny.filter(({ matches }) => typeof matches !== "boolean");
  if (matching.length > 0) {
    const [first] = matching;
    const only = first && matching.length === 1 && maybe.length === 0 ? { policy: titleOf(first.policy) } : {};
    return {
      is: "denied",
      ...only,
      because: `${titles(matching)} ${matching.length > 1 ? "deny" : "denies"} it ${place}`,
    };
  }
  const allowed = anyOf(allow.map(({ matches }) => matches));
  if (allow.length > 0 && allowed === false) {
    const [first] = allow;
    const only = first && allow.length === 1 && maybe.length === 0 ? { policy: titleOf(first.policy) } : {};
    return { is: "denied", ...only, because: `no rule of ${titles(allow)} allows it ${place}` };
  }
  const [doubt] = maybe;
  if (doubt) return unknownBy(doubt.policy, doubt.matches);
  if (allow.length === 0) return { is: "passed", because: `no ALLOW policy applies ${place}` };
  const [by] = allow.filter(({ matches }) => matches === true);
  if (by) return { is: "passed", because: `${titleOf(by.policy)} allows it ${place}` };
  const [open] = allow.filter(({ matches }) => typeof matches !== "boolean");
  return open ? unknownBy(open.policy, open.matches) : { is: "unknown", because: "" };
}

const unknownBy = (policy: KubeObject, matches: Truth): Verdict => ({
  is: "unknown",
  because: `${titleOf(policy)}: ${reasonOf(matches)}`,
});

/** AuthorizationPolicies at a gateway or waypoint: CUSTOM, DENY, ALLOW; AUDIT and dry runs refuse nothing. */
export function verdictAtProxy(mesh: Mesh, proxy: MeshProxy, seen: Seen): Verdict {
  const policies = policiesAt(mesh, "AuthorizationPolicy", proxy);
  const test: RuleTest = (rule, policy) => envoyRuleMatches(rule, policy, seen, mesh);
  // A dry run does not keep a CUSTOM policy from asking its provider (pilot/pkg/security/authz/builder/builder.go: buildHTTP).
  const custom = policies
    .filter((policy) => actionOf(policy) === "CUSTOM")
    .map((policy) => ({ policy, matches: anyOf(listAt(policy, "spec", "rules").map((rule) => test(rule, policy))) }))
    .filter(({ matches }) => matches !== false);
  const own = decided(judged(policies, "DENY", test), judged(policies, "ALLOW", test), `at the ${proxy.kind}`);
  const [first] = custom;
  if (!first) return own;
  const refusing = custom.filter(({ policy, matches }) => matches === true && lacksProvider(mesh, policy));
  if (refusing.length > 0 && own.is !== "denied") {
    const [only] = refusing;
    return {
      is: "denied",
      ...(only && custom.length === 1 ? { policy: titleOf(only.policy) } : {}),
      because: `${titles(refusing)} names a provider that the MeshConfig does not have, which denies what its rules match`,
    };
  }
  // The provider may deny it first; it is denied in any case.
  if (own.is === "denied") return { is: "denied", because: own.because };
  return unknownBy(
    first.policy,
    unclear(
      `what the provider ${textAt(first.policy, "spec", "provider", "name")} of this CUSTOM policy answers is not known`,
    ),
  );
}

function lacksProvider(mesh: Mesh, policy: KubeObject): boolean {
  const { providers } = meshConfigOf(mesh);
  return providers !== undefined && !providers.includes(textAt(policy, "spec", "provider", "name") ?? "");
}

/** PeerAuthentications and AuthorizationPolicies at the ztunnel of a pod; a pod outside the mesh has none. */
export function verdictAtPod(mesh: Mesh, pod: KubeObject, seen: Seen): Verdict {
  if (!isInMesh(pod))
    return { is: "passed", because: `no policy applies to ${titleOf(pod)}, which is outside the mesh` };
  const policies = policiesOfPod(mesh, "AuthorizationPolicy", pod);
  const test: RuleTest = (rule, policy) => ztunnelRuleMatches(rule, policy, seen);
  const deny = judged(policies, "DENY", test);
  const strict = seen.identity ? undefined : strictPolicyOf(mesh, pod, seen.port);
  if (!strict) return decided(deny, judged(policies, "ALLOW", test), "at ztunnel");
  const others = deny.filter(({ matches }) => matches !== false);
  return {
    is: "denied",
    ...(others.length === 0 ? { policy: titleOf(strict) } : {}),
    because: `${titleOf(strict)} refuses plain text at ztunnel`,
  };
}
