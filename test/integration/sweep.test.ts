import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { sweepMesh } from "../../cli/recovery/sweep";
import { type ApiServer, type KubernetesObject, startApiServer } from "../support/apiserver";
import { requires } from "../support/skip";

const skip = requires("sweep", { programs: ["go", "openssl", "curl"], rig: true });

const namespace = (name: string): KubernetesObject => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
const configMap = (name: string, labels: Record<string, string>): KubernetesObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "sweep", labels } as KubernetesObject["metadata"],
});
const gatewayClass = (name: string, controllerName: string): KubernetesObject => ({
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "GatewayClass",
  metadata: { name },
  spec: { controllerName },
});
const definition = (kind: string, group: string, release?: string): KubernetesObject => {
  const plural = `${kind.toLowerCase()}s`;
  const annotations = { "meta.helm.sh/release-name": release ?? "", "meta.helm.sh/release-namespace": "istio-system" };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}`, annotations } as KubernetesObject["metadata"],
    spec: {
      group,
      names: { kind, plural },
      scope: "Cluster",
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
    },
  };
};
const used: KubernetesObject = { apiVersion: "sweep.istio.io/v1", kind: "Used", metadata: { name: "by-others" } };

/** Field manager of what istiod creates: its user agent, istio 1.31 pkg/kube/util.go, IstioUserAgent(). */
const istiod = "pilot-discovery";
const made = gatewayClass("sweep-istio", "istio.io/gateway-controller");
const gone = [
  definition("Idle", "sweep.istio.io", "istio-base"),
  configMap("istio-ca-root-cert", { "istio.io/config": "true" }),
  configMap("istio-ca-crl", { "istio.io/config": "true" }),
];
const kept = [
  definition("Used", "sweep.istio.io", "istio-base"),
  definition("Theirs", "sweep.istio.io", "another-release"),
  definition("Foreign", "sweep.example.org", "istio-base"),
  gatewayClass("sweep-theirs", "example.org/controller"),
  gatewayClass("sweep-theirs-of-istio", "istio.io/gateway-controller"),
  configMap("theirs", { "istio.io/config": "true" }),
];

let api: ApiServer;
beforeAll(async () => {
  if (skip) return;
  api = await startApiServer();
  await api.apply(namespace("sweep"));
  for (const object of [...gone, ...kept]) await api.apply(object);
  await api.apply(made, { manager: istiod });
  await vi.waitFor(() => api.apply(used), { timeout: 30_000, interval: 500 });
});
afterAll(async () => {
  if (!api) return;
  await api.delete(used);
  for (const object of kept) await api.delete(object);
  await api.stop();
});

test.skipIf(skip)("sweepMesh() removes what Istio leaves, and nothing that others have or use", async () => {
  const { kubeconfig, context } = api;
  const swept = await sweepMesh({ kubeconfig, context });
  expect(swept?.stay).toEqual(["CustomResourceDefinition useds.sweep.istio.io"]);
  await vi.waitFor(
    async () => expect(await Promise.all([made, ...gone].map((object) => api.has(object)))).not.toContain(true),
    { timeout: 30_000, interval: 500 },
  );
  expect(await Promise.all([...kept, used].map((object) => api.has(object)))).toEqual([...kept, used].map(() => true));
  expect((await sweepMesh({ kubeconfig, context }))?.removed).toEqual([]);
});
