import { describe, expect, it } from "vitest";
import { strictPolicyOf } from "../../../../access/computed/rules/peer-authentication";
import { expandedDomains, withAliases } from "../../../../access/computed/rules/trust-domains";
import { fits } from "../../../../access/computed/rules/truth";
import type { KubeObject } from "../../../../verify/lab-client";
import { meshOf, podOf } from "./living";

// pilot/pkg/security/trustdomain/bundle_test.go: TestReplaceTrustDomainAliases
describe("principals with the aliases of the trust domain", () => {
  it.each([
    ["cluster.local", [], ["cluster.local/ns/foo/sa/bar"], ["cluster.local/ns/foo/sa/bar"]],
    ["cluster.local", [], ["*", "*/ns/foo/sa/bar"], ["*", "*/ns/foo/sa/bar"]],
    ["td2", ["td1"], ["td1/ns/foo/sa/bar"], ["td2/ns/foo/sa/bar", "td1/ns/foo/sa/bar"]],
    ["td1", ["cluster.local"], ["*/ns/foo/sa/bar", "*sa/zzz", "*"], ["*/ns/foo/sa/bar", "*sa/zzz", "*"]],
    [
      "td2",
      ["foo-td1", "cluster.local"],
      ["*-td1/ns/foo/sa/bar"],
      ["td2/ns/foo/sa/bar", "*-td1/ns/foo/sa/bar", "cluster.local/ns/foo/sa/bar"],
    ],
    ["td1", ["td2"], ["some-td/ns/foo/sa/bar"], ["some-td/ns/foo/sa/bar"]],
    [
      "new-td",
      ["td2", "td3"],
      ["td1/ns/some-ns/sa/some-sa", "td2/ns/foo/sa/bar"],
      ["td1/ns/some-ns/sa/some-sa", "new-td/ns/foo/sa/bar", "td2/ns/foo/sa/bar", "td3/ns/foo/sa/bar"],
    ],
    ["new-td", ["td2", "td3"], ["/ns/some-ns/sa/some-sa"], ["/ns/some-ns/sa/some-sa"]],
    ["new-td", ["old-td"], ["*-td/ns/some-ns/sa/some-sa"], ["*-td/ns/some-ns/sa/some-sa"]],
  ])("of %s and %j: %j", (trustDomain, trustDomainAliases, principals, expected) => {
    expect(withAliases(principals, { trustDomain, trustDomainAliases })).toEqual(expected);
  });

  it("adds the aliases of a trust domain that the mesh has, and leaves another one", () => {
    const mesh = { trustDomain: "td1", trustDomainAliases: ["td2"] };
    expect(expandedDomains(["td2", "other*"], mesh)).toEqual(["td1", "td2", "other*"]);
  });
});

// ztunnel: src/rbac.rs, string_match
describe("texts with wildcards", () => {
  it.each([
    ["foo", "foo", true],
    ["not", "foo", false],
    ["", "foo", false],
    ["foobar", "foo*", true],
    ["notfoo", "foo*", false],
    ["", "foo*", false],
    ["barfoo", "*foo", true],
    ["foonot", "*foo", false],
    ["foo", "*", true],
    ["", "*", false],
  ])("%j fits %j: %j", (text, value, expected) => {
    expect(fits(text, value)).toBe(expected);
  });
});

type Mode = "STRICT" | "PERMISSIVE" | "DISABLE" | "UNSET";

const peerAuthentication = (
  name: string,
  namespace: string,
  mode: Mode | undefined,
  ports?: Readonly<Record<number, Mode>>,
): KubeObject => ({
  apiVersion: "security.istio.io/v1",
  kind: "PeerAuthentication",
  metadata: { name, namespace },
  spec: {
    ...(mode ? { mtls: { mode } } : {}),
    ...(ports
      ? {
          selector: { matchLabels: { app: "a" } },
          portLevelMtls: Object.fromEntries(Object.entries(ports).map(([port, each]) => [port, { mode: each }])),
        }
      : {}),
  },
});

// pilot/pkg/serviceregistry/ambient/testdata: the DENY policies that istiod makes, for plain text to ports 8080, 9090 and 7070.
describe("PeerAuthentications at ztunnel", () => {
  const root = (mode: Mode) => peerAuthentication("mesh", "istio-system", mode);
  const namespace = (mode: Mode) => peerAuthentication("ns", "foo", mode);
  const workload = (mode: Mode | undefined, ports: Readonly<Record<number, Mode>>) =>
    peerAuthentication("workload", "foo", mode, ports);

  it.each<[string, KubeObject[], (string | undefined)[]]>([
    ["none", [], [undefined, undefined, undefined]],
    ["peer-authn-strict.yaml", [namespace("STRICT")], ["ns", "ns", "ns"]],
    ["peer-authn-permissive.yaml", [namespace("PERMISSIVE")], [undefined, undefined, undefined]],
    [
      "peer-authn-strict-root-unset-workload-port-mtls-strict-and-permissive.yaml",
      [root("STRICT"), workload(undefined, { 9090: "PERMISSIVE", 8080: "STRICT" })],
      ["workload", undefined, "workload"],
    ],
    [
      "peer-authn-permissive-root-unset-namespace-mixed-workload-ports.yaml",
      [root("PERMISSIVE"), namespace("UNSET"), workload(undefined, { 9090: "STRICT", 8080: "PERMISSIVE" })],
      [undefined, "workload", undefined],
    ],
    [
      "peer-authn-strict-and-permissive-port-mtls.yaml",
      [workload("STRICT", { 9090: "PERMISSIVE" })],
      ["workload", undefined, "workload"],
    ],
    [
      "peer-authn-strict-and-disable-port-mtls.yaml",
      [workload("STRICT", { 9090: "DISABLE" })],
      ["workload", undefined, "workload"],
    ],
    [
      "peer-authn-strict-and-strict-port-mtls.yaml",
      [workload("STRICT", { 9090: "STRICT" })],
      ["workload", "workload", "workload"],
    ],
    [
      "peer-authn-permissive-root-strict-namespace-permissive-workload.yaml",
      [root("PERMISSIVE"), namespace("STRICT"), workload(undefined, { 9090: "PERMISSIVE" })],
      ["workload", undefined, "workload"],
    ],
    [
      "peer-authn-disable-port-mtls-strict.yaml",
      [workload("DISABLE", { 9090: "STRICT" })],
      [undefined, "workload", undefined],
    ],
    [
      "peer-authn-unset-port-mtls-strict.yaml",
      [workload("UNSET", { 8080: "STRICT" })],
      ["workload", undefined, undefined],
    ],
    [
      "peer-authn-strict-root-permissive-namespace-strict-workload.yaml",
      [root("STRICT"), namespace("PERMISSIVE"), workload("STRICT", { 8080: "STRICT" })],
      ["workload", "workload", "workload"],
    ],
    // authorization.go: a DISABLE port is no exception from a STRICT parent of a policy without a mode.
    [
      "a DISABLE port under a STRICT mesh",
      [root("STRICT"), workload(undefined, { 9090: "DISABLE" })],
      ["mesh", "mesh", "mesh"],
    ],
    // authorization.go, case #3: under a STRICT mesh a STRICT port of a PERMISSIVE workload is left to the parent, which the workload replaced.
    [
      "a STRICT port of a PERMISSIVE workload under a STRICT mesh",
      [root("STRICT"), workload("PERMISSIVE", { 8080: "STRICT" })],
      [undefined, undefined, undefined],
    ],
  ])("%s", (_, policies, expected) => {
    const pod = podOf("foo", "a-1", { app: "a" }, {}, true);
    const mesh = meshOf([...policies, pod]);
    expect([8080, 9090, 7070].map((port) => strictPolicyOf(mesh, pod, port)?.metadata?.name)).toEqual(expected);
  });

  it("takes the oldest of several for a namespace", () => {
    const at = (time: string, policy: KubeObject): KubeObject => ({
      ...policy,
      metadata: Object.assign({}, policy.metadata, { creationTimestamp: time }),
    });
    const pod = podOf("foo", "a-1", { app: "a" }, {}, true);
    const mesh = meshOf([
      pod,
      at("2026-02-01T00:00:00Z", peerAuthentication("younger", "foo", "STRICT")),
      at("2026-01-01T00:00:00Z", peerAuthentication("older", "foo", "PERMISSIVE")),
    ]);
    expect(strictPolicyOf(mesh, pod, 8080)).toBeUndefined();
  });
});
