import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { requireRights } from "../../access/ask";
import { readMesh } from "../../access/mesh/read";
import { kubeClusterClient } from "../../verify/kube";
import type { ClusterClient } from "../../verify/lab-client";
import { type ApiServer, givenApiServer, type KubernetesObject, startApiServer } from "../support/apiserver";
import { requires } from "../support/skip";

const skip = requires(
  "the rights of prove",
  givenApiServer ? { programs: ["go"] } : { programs: ["go", "openssl", "curl"], rig: true },
);
const page = readFileSync(join(__dirname, "../../docs/how-to/prove-your-policies.md"), "utf8");
const [, text = ""] = /```yaml\n(apiVersion: rbac[\s\S]*?)```/.exec(page) ?? [];
const name = "ambient-lab-probe";
// In a namespace that stays: without a controller manager a deleted one is never gone.
const namespace = "default";
const user: KubernetesObject = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } };
const granted: KubernetesObject[] = [
  parse(text),
  {
    ...{ apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRoleBinding", metadata: { name } },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
    subjects: [{ kind: "ServiceAccount", name, namespace }],
  },
];
const { signal } = new AbortController();

describe.skipIf(skip)("a user of a real kube-apiserver with the rights that the page names", () => {
  let api: ApiServer;
  let client: ClusterClient;

  beforeAll(async () => {
    api = await startApiServer();
    // Those of a run that was killed.
    for (const object of granted) await api.delete(object).catch(() => undefined);
    await api.apply(user);
    client = await kubeClusterClient({ kubeconfig: await ownKubeconfig(api), context: "own" });
  });

  afterAll(async () => {
    if (!api) return;
    for (const object of [...granted, user]) await api.delete(object).catch(() => undefined);
    await api.stop();
  });

  /** Whether the user may ask, as `prove` looks before it creates a pod. */
  const mayAsk = () => requireRights(client, { senders: ["default"], proxies: ["istio-system"] }, signal);

  test("may neither read the mesh nor ask before they are granted", async () => {
    await expect(readMesh(client, signal)).rejects.toThrow(/pods is forbidden/);
    await expect(mayAsk()).rejects.toThrow(/may not create pods/);
  });

  test("may read every kind, ask, and read logs that were rotated", async () => {
    for (const object of granted) await api.apply(object);
    expect((await readMesh(client, signal)).unread).toEqual([]);
    await expect(mayAsk()).resolves.toBeUndefined();
    const review = await client.create(
      {
        ...{ apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview" },
        spec: { resourceAttributes: { verb: "get", resource: "nodes", subresource: "proxy" } },
      },
      signal,
    );
    expect(review.status).toMatchObject({ allowed: true });
  });
});

/** A kubeconfig with a token of the ServiceAccount, and no other right. */
async function ownKubeconfig({ kubeconfig, context }: ApiServer): Promise<string> {
  const { CoreV1Api, KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  config.setCurrentContext(context);
  const { status } = await config
    .makeApiClient(CoreV1Api)
    .createNamespacedServiceAccountToken({ name, namespace, body: { spec: { audiences: [] } } });
  const cluster = config.getCurrentCluster();
  const file = join(mkdtempSync(join(tmpdir(), "lab-probe-")), "kubeconfig");
  const own = new KubeConfig();
  if (!cluster) throw new Error(`${kubeconfig} names no cluster`);
  own.loadFromOptions({
    clusters: [cluster],
    users: [{ name: "own", token: status?.token }],
    contexts: [{ name: "own", cluster: cluster.name, user: "own" }],
    currentContext: "own",
  });
  writeFileSync(file, own.exportConfig(), { mode: 0o600 });
  return file;
}
