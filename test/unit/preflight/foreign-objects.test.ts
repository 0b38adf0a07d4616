import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DeclaredObject } from "../../../components/ownership";
import { LabErrors } from "../../../host/errors";
import { openApi } from "../../../host/kube-api";
import { ownerRecord, requireOwnObjects } from "../../../preflight/foreign-objects";
import { startCluster, type TestCluster } from "../../support/cluster";

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await startCluster();
});
afterEach(() => cluster.close());

const owner = "alice@laptop file:///home/alice";
const istio = (kind: string, name: string): DeclaredObject => ({
  ...{ apiVersion: "security.istio.io/v1", kind, namespace: "default", name },
});
const declared: DeclaredObject[] = [
  { apiVersion: "v1", kind: "Namespace", name: "istio-system" },
  { apiVersion: "v1", kind: "Namespace", name: "egress" },
  { apiVersion: "v1", kind: "ServiceAccount", namespace: "default", name: "appa" },
  { apiVersion: "metallb.io/v1beta1", kind: "IPAddressPool", namespace: "metallb-system", name: "lab" },
  istio("AuthorizationPolicy", "appb-l7"),
];
const paths = {
  mesh: "api/v1/namespaces/istio-system",
  egress: "api/v1/namespaces/egress",
  account: "api/v1/namespaces/default/serviceaccounts/appa",
  pool: "apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools/lab",
  policy: "apis/security.istio.io/v1/namespaces/default/authorizationpolicies/appb-l7",
};
// The field manager of every object that any program with @pulumi/kubernetes 4 applies on the server's side.
const byPulumi = { managedFields: [{ manager: "pulumi-kubernetes-1a2b3c" }] };
const marked = (by: string, stack = "dev") => ({ annotations: { "ambient-lab/owner": ownerRecord(stack, by) } });
const labelled = { labels: { "ambient-lab/stack": "dev" } };

async function problems(there: Partial<Record<keyof typeof paths, object>>) {
  for (const [key, metadata] of Object.entries(there)) cluster.put(paths[key as keyof typeof paths], { metadata });
  const { kubeconfig, context } = cluster;
  const claim = { stack: "dev", owner, address: { kubeconfig, context } };
  try {
    await requireOwnObjects(await openApi(claim.address), declared, claim);
    return [];
  } catch (thrown) {
    if (thrown instanceof LabErrors) return thrown.problems.map(({ what, fix }) => ({ what, fix }));
    throw thrown;
  }
}
const whats = async (there: Parameters<typeof problems>[0]) => (await problems(there)).map(({ what }) => what);
const taken = (maker: string, ...names: string[]) =>
  `The cluster has objects that ${maker}, and this lab makes objects of these names: ${names.join(", ")}`;

describe("requireOwnObjects()", () => {
  test("has nothing against an empty cluster, nor against what this lab marked", async () => {
    expect(await whats({})).toEqual([]);
    const own = marked(owner);
    expect(await whats({ mesh: own, egress: own, account: own, pool: own, policy: own })).toEqual([]);
  });

  test("names all of one owner in one problem", async () => {
    const bobs = marked("bob@desk file:///home/bob");
    expect(await whats({ account: {}, policy: bobs, pool: bobs })).toEqual([
      taken("no lab made", "ServiceAccount default/appa"),
      taken(
        'lab "dev" of bob@desk made, whose state is in file:///home/bob',
        "IPAddressPool metallb-system/lab",
        "AuthorizationPolicy default/appb-l7",
      ),
    ]);
  });

  describe("of an earlier version, which recorded no owner,", () => {
    test("asks for the record first, by a command that holds it", async () => {
      const found = await problems({ mesh: labelled, account: byPulumi, egress: labelled });
      expect(found.map(({ what }) => what)).toEqual([
        'The namespace istio-system of this cluster belongs to a lab "dev" without a record of its owner',
      ]);
      expect(found[0]?.fix).toContain(
        "annotate namespace istio-system 'ambient-lab/owner=dev alice@laptop file:///home/alice'",
      );
    });

    test("takes its objects once the mesh is recorded, and nobody else's", async () => {
      const mesh = { ...labelled, ...marked(owner) };
      expect(await whats({ mesh, account: byPulumi, policy: byPulumi, egress: labelled })).toEqual([]);
      expect(await whats({ mesh, account: {} })).toEqual([taken("no lab made", "ServiceAccount default/appa")]);
      expect(await whats({ mesh, account: byPulumi, egress: byPulumi })).toEqual([
        taken("no lab made", "Namespace egress"),
      ]);
    });
  });
});
