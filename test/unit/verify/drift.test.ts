import { describe, expect, it } from "vitest";
import { driftOf } from "../../../verify/diagnosis/drift";
import type { KubeObject } from "../../../verify/lab-client";
import { labFacts } from "./fake/facts";

/** What the diagnosis says of an object with these specs; nothing about the other objects, which are all missing here. */
function differencesOf(kind: string, declared: unknown, live: unknown): string[] {
  const metadata = { name: "x", namespace: "default" };
  const object = (spec: unknown) => ({ apiVersion: "v1", kind, metadata, spec });
  const facts = { ...labFacts(), declared: [object(declared) as never] };
  return driftOf(facts, {}, [object(live) as KubeObject])
    .map(({ what }) => what)
    .filter((what) => what.startsWith(`${kind} default/x: `))
    .map((what) => what.slice(`${kind} default/x: `.length));
}

/**
 * A field of an API of Kubernetes or Istio may be there and empty, and then says something else than none. Istio 1.31
 * api/security/v1beta1/authorization_policy.proto: an ALLOW policy without rules allows nothing, an empty rule everything, and
 * pilot/pkg/serviceregistry/ambient/authorization.go takes any selector as that of a workload. Kubernetes 1.34
 * staging/src/k8s.io/api/networking/v1/types.go, NetworkPolicyPeer: an empty namespaceSelector is all namespaces, none is the own one.
 */
describe("the drift of a spec", () => {
  it.each<[string, string, unknown, unknown, string]>([
    ["a policy that allows nothing", "AuthorizationPolicy", { rules: [] }, { rules: [{}] }, "spec.rules is [{}]"],
    ["a policy without rules", "AuthorizationPolicy", {}, { rules: [{}] }, "spec.rules is [{}], the stack says absent"],
    ["a rule for all", "AuthorizationPolicy", { rules: [{}] }, {}, "spec.rules is absent, the stack says [{}]"],
    [
      "a second rule for all",
      "AuthorizationPolicy",
      { rules: [{ to: [{ operation: { methods: ["GET"] } }] }] },
      { rules: [{ to: [{ operation: { methods: ["GET"] } }] }, {}] },
      "spec.rules[1] is {}, the stack says absent",
    ],
    [
      "a source without a field",
      "AuthorizationPolicy",
      { rules: [{ to: [{ operation: { methods: ["GET"] } }] }] },
      { rules: [{ to: [{ operation: { methods: ["GET"] } }], from: [{}] }] },
      "spec.rules[0].from is [{}], the stack says absent",
    ],
    [
      "an operation without a field",
      "AuthorizationPolicy",
      { rules: [{ to: [] }] },
      { rules: [{ to: [{}] }] },
      "to is [{}]",
    ],
    [
      "a selector of every pod",
      "AuthorizationPolicy",
      {},
      { selector: {} },
      "spec.selector is {}, the stack says absent",
    ],
    [
      "a selector without labels in another",
      "NetworkPolicy",
      { ingress: [{ from: [{ podSelector: {} }] }] },
      { ingress: [{ from: [{ podSelector: {}, namespaceSelector: {} }] }] },
      "spec.ingress[0].from[0].namespaceSelector is {}",
    ],
    [
      "an empty host",
      "ServiceEntry",
      { hosts: ["a"] },
      { hosts: ["a", ""] },
      'spec.hosts[1] is "", the stack says absent',
    ],
  ])("%s", (_what, kind, declared, live, difference) => {
    const found = differencesOf(kind, declared, live);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(difference);
  });

  it.each<[string, string, unknown, unknown]>([
    ["a list without items, and none", "AuthorizationPolicy", { rules: [] }, {}],
    ["a text without letters, and none", "HTTPRoute", { rules: [{ name: "" }] }, { rules: [{ matches: [{}] }] }],
    ["another order of keys", "ServiceEntry", { a: 1, b: { c: 1, d: 2 } }, { b: { d: 2, c: 1 }, a: 1 }],
    ["no spec, and one without a field", "Namespace", undefined, {}],
  ])("is none between %s", (_what, kind, declared, live) => {
    expect(differencesOf(kind, declared, live)).toEqual([]);
  });
});
