import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseConfig } from "../../../config/load";
import { versions } from "../../../config/versions";
import { examineExisting } from "../../../preflight/existing-cluster";
import { startCluster, type TestCluster } from "../../support/cluster";

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await startCluster();
});
afterEach(() => cluster.close());

const crds = "apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const gatewayCrd = (annotations: Record<string, string>) => ({
  metadata: {
    annotations: {
      "gateway.networking.k8s.io/bundle-version": "v1.3.0",
      "gateway.networking.k8s.io/channel": "standard",
      ...annotations,
    },
  },
});
const released = (release: string) => ({
  "meta.helm.sh/release-name": release,
  "meta.helm.sh/release-namespace": "kube-system",
});
const istiod = (version: string) => ({
  spec: { template: { spec: { containers: [{ image: `docker.io/istio/pilot:${version}-distroless` }] } } },
});
const put = {
  mesh: (labels: Record<string, string>) => cluster.put("api/v1/namespaces/istio-system", { metadata: { labels } }),
  istiod: (version: string) => cluster.put("apis/apps/v1/namespaces/istio-system/deployments/istiod", istiod(version)),
  items: (path: string, ...metadata: object[]) =>
    cluster.put(path, { items: metadata.map((each) => ({ metadata: each })) }),
};

async function examined(more: Record<string, unknown> = {}) {
  const { kubeconfig, context } = cluster;
  const raw = { cluster: "existing", appImage: "registry.test/httpbin:1", kubeconfig, context, ...more };
  const { facts, problems } = await examineExisting(parseConfig(raw), "alice");
  for (const { why, fix } of problems) expect(why.length * fix.length).toBeGreaterThan(0);
  return { facts, whats: problems.map(({ what }) => what) };
}

describe("examineExisting()", () => {
  test("has nothing against an empty cluster", async () => {
    expect(await examined()).toEqual({
      facts: { kubernetes: "v1.34.2", metallb: false, controlPlanes: [], strangers: [] },
      whats: [],
    });
  });

  test("has nothing against the lab that it made itself", async () => {
    put.mesh({ "ambient-lab/stack": "alice" });
    put.istiod("1.31.0");
    cluster.put(`${crds}/gateways.gateway.networking.k8s.io`, gatewayCrd(released("gateway-api")));
    cluster.put(`${crds}/ipaddresspools.metallb.io`, { metadata: { annotations: released("metallb") } });
    const own = [{ manager: "pulumi-kubernetes-1a2b3c" }];
    const managed = { "gateway.istio.io/managed": "istio.io-gateway-controller" };
    put.items(
      "apis/apps/v1/namespaces/default/deployments",
      { name: "appa", managedFields: own },
      { name: "gateway-istio", labels: managed },
    );
    put.items(
      "api/v1/namespaces/default/services",
      { name: "kubernetes" },
      { name: "appb", managedFields: own },
      { name: "gateway-istio", labels: managed },
    );
    put.items("api/v1/namespaces/default/pods", { name: "appa-1", ownerReferences: [{ kind: "ReplicaSet" }] });
    const { facts, whats } = await examined({ addressRange: "10.0.0.1-10.0.0.9" });
    expect(whats).toEqual([]);
    expect(facts).toMatchObject({ istio: "1.31.0", meshOwner: "alice" });
    expect(facts).not.toHaveProperty("gatewayApi");
  });

  test("objects of the lab's names in the apps' namespace are refused when another program made them", async () => {
    const appa = (metadata: object) => {
      put.items("apis/apps/v1/namespaces/default/deployments", { name: "appa", ...metadata });
      return examined();
    };
    const refused = ['Namespace "default" of this cluster is in use: Deployment appa'];
    const byPulumi = { managedFields: [{ manager: "pulumi-kubernetes-1a2b3c" }] };
    expect((await appa(byPulumi)).whats).toEqual(refused);
    expect((await appa({ labels: { "ambient-lab/stack": "bob" } })).whats).toEqual(refused);
    expect((await appa({ labels: { "ambient-lab/stack": "alice" } })).whats).toEqual([]);
    // A lab of an earlier version labelled its mesh's namespace alone.
    put.mesh({ "ambient-lab/stack": "alice" });
    expect((await appa(byPulumi)).whats).toEqual([]);
    expect((await appa({})).whats).toEqual(refused);
  });

  test("refuses control planes of other revisions, and a namespace that selects one", async () => {
    const planes = "apis/apps/v1/deployments?labelSelector=app%3Distiod";
    put.mesh({ "ambient-lab/stack": "alice" });
    put.istiod("1.31.0");
    put.items(
      planes,
      { namespace: "istio-system", name: "istiod", labels: { "istio.io/rev": "default" } },
      { namespace: "istio-system", name: "istiod-canary", labels: { "istio.io/rev": "canary" } },
      { namespace: "mesh", name: "istiod" },
    );
    cluster.put("api/v1/namespaces/default", { metadata: { labels: { "istio.io/rev": "stable" } } });
    expect((await examined()).whats).toEqual([
      'The cluster has a control plane of Istio, revision "canary": Deployment istio-system/istiod-canary',
      'The cluster has a control plane of Istio, revision "default": Deployment mesh/istiod',
      'Namespace "default" of this cluster selects revision "stable" of Istio (label istio.io/rev)',
    ]);
    put.items(planes, { namespace: "istio-system", name: "istiod", labels: { "istio.io/rev": "default" } });
    cluster.put("api/v1/namespaces/default", { metadata: { labels: { "istio.io/rev": "default" } } });
    expect((await examined()).whats).toEqual([]);
  });

  test("reports a Gateway API that the lab did not install, and refuses an incompatible one", async () => {
    cluster.put(`${crds}/gateways.gateway.networking.k8s.io`, gatewayCrd({}));
    const fits = await examined();
    expect(fits).toMatchObject({ whats: [], facts: { gatewayApi: { version: "v1.3.0", channel: "standard" } } });
    cluster.put(
      `${crds}/gateways.gateway.networking.k8s.io`,
      gatewayCrd({ "gateway.networking.k8s.io/bundle-version": "v1.7.0" }),
    );
    expect((await examined()).whats).toEqual([
      `Istio ${versions.istio} does not go with the Gateway API v1.7.0 that this cluster has`,
    ]);
  });

  test("refuses a Kubernetes that Istio does not support", async () => {
    cluster.put("version", { gitVersion: "v1.31.9-gke.100" });
    const { whats } = await examined({ platform: "gke" });
    expect(whats).toEqual([`Istio ${versions.istio} does not support Kubernetes 1.31.9`]);
  });

  test("refuses a step of two minors from the lab's own Istio", async () => {
    put.mesh({ "ambient-lab/stack": "alice" });
    put.istiod("1.29.4");
    expect((await examined()).whats).toEqual([
      `Istio 1.29.4 cannot become ${versions.istio} in one step: more than one minor lies between them`,
    ]);
  });

  test("refuses a namespace that others use, also under a name of the lab", async () => {
    put.items("apis/apps/v1/namespaces/default/deployments", { name: "web" }, { name: "appa" });
    put.items("apis/apps/v1/namespaces/default/statefulsets", {
      name: "db",
      managedFields: [{ manager: "pulumi-kubernetes-1" }],
    });
    put.items(
      "api/v1/namespaces/default/pods",
      { name: "alone" },
      { name: "job-1", ownerReferences: [{ kind: "Job" }] },
    );
    const { whats } = await examined();
    expect(whats).toEqual([
      'Namespace "default" of this cluster is in use: Deployment web, Deployment appa, StatefulSet db, Pod alone, Pod job-1',
    ]);
  });

  // Names of versions, nodes, labels and annotations: GKE's and k3s' releases; k3d-io/k3d pkg/types/types.go (DefaultObjectNamePrefix);
  // k3s-io/k3s with flannel-io/flannel pkg/subnet/kube/annotations.go; kubernetes/minikube pkg/minikube/node/labels.
  describe("a platform for which Istio's charts have values", () => {
    const flannel = { "flannel.alpha.coreos.com/backend-type": "vxlan" };
    const node = (metadata: object, containerRuntimeVersion = "containerd://2.1.4") =>
      cluster.put("api/v1/nodes?limit=1", { items: [{ metadata, status: { nodeInfo: { containerRuntimeVersion } } }] });
    const version = (gitVersion: string) => cluster.put("version", { gitVersion });
    const named = (platform: string) => [`This cluster is ${platform}, and config key "platform" is not set`];

    test.each<[string, () => void]>([
      ["gke", () => version("v1.34.1-gke.1829001")],
      ["k3s", () => [version("v1.34.1+k3s1"), node({ name: "server-1", annotations: flannel })]],
      ["k3d", () => [version("v1.34.1+k3s1"), node({ name: "k3d-lab-server-0", annotations: flannel })]],
      ["microk8s", () => node({ name: "a", labels: { "microk8s.io/cluster": "true" } })],
      ["minikube", () => node({ name: "minikube", labels: { "minikube.k8s.io/name": "minikube" } }, "docker://28.4.0")],
    ])("%s is named, with the key to set", async (platform, prepare) => {
      prepare();
      expect((await examined()).whats).toEqual(named(platform));
      expect((await examined({ platform })).whats).toEqual([]);
    });

    test("k3s with another CNI, and minikube with containerd, need none", async () => {
      version("v1.34.1+k3s1");
      node({ name: "server-1" });
      expect((await examined()).whats).toEqual([]);
      version("v1.34.2");
      node({ name: "minikube", labels: { "minikube.k8s.io/name": "minikube" } });
      expect((await examined()).whats).toEqual([]);
    });
  });

  // cilium/cilium install/kubernetes/cilium/templates/cilium-configmap.yaml; istio/istio.io
  // content/en/docs/ambient/install/platform-prerequisites/index.md, "Cilium".
  test.each<[Record<string, string>, string[]]>([
    [{ "cni-exclusive": "true" }, ["Cilium is this cluster's only CNI plugin (cni-exclusive)"]],
    [{ "cni-exclusive": "false", "enable-bpf-masquerade": "false" }, []],
    [
      { "enable-bpf-masquerade": "true", "enable-ipv4-masquerade": "true" },
      ["Cilium masquerades by BPF in this cluster (enable-bpf-masquerade)"],
    ],
    [{ "enable-bpf-masquerade": "true", "enable-ipv4-masquerade": "false" }, []],
    [{}, []],
  ])("Cilium with %j", async (data, whats) => {
    cluster.put("api/v1/namespaces/kube-system/configmaps/cilium-config", { data });
    expect((await examined()).whats).toEqual(whats);
  });

  test.each([
    [401, /^The login to the cluster of context "lab" has expired or is not known there \(HTTP 401\)$/],
    [403, /^The login to the cluster of context "lab" may not read \/version \(HTTP 403\)$/],
    [500, /^The cluster of context "lab" does not answer: GET \/version: HTTP 500$/],
  ])("distinguishes the status %i from no answer", async (status, what) => {
    cluster.refuse("version", status);
    expect((await examined()).whats).toEqual([expect.stringMatching(what)]);
  });

  test("names the program of the login that is missing, or that fails", async () => {
    const byProgram = async (exec: object) => {
      const file = JSON.parse(readFileSync(cluster.kubeconfig, "utf8"));
      file.users[0].user = { exec: { apiVersion: "client.authentication.k8s.io/v1", ...exec } };
      writeFileSync(cluster.kubeconfig, JSON.stringify(file));
      return (await examined()).whats;
    };
    expect(await byProgram({ command: "no-such-cloud" })).toEqual(['The program "no-such-cloud" is not on the PATH']);
    const fails = { command: "/bin/sh", args: ["-c", "echo 'Error: the session has expired' >&2; exit 255"] };
    expect(await byProgram(fails)).toEqual(['The program "/bin/sh" fails: Error: the session has expired']);
  });

  test("says that a cluster does not answer", async () => {
    await cluster.close();
    const [what] = (await examined()).whats;
    expect(what).toMatch(/^The cluster of context "lab" does not answer: .*ECONNREFUSED/);
  });
});
