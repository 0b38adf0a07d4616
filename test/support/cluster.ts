import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer, type TestServer } from "./server";

/** An API server whose answers a test sets, with its kubeconfig. */
export interface TestCluster {
  readonly kubeconfig: string;
  readonly context: string;
  /** Sets the object that a path of the API returns. */
  put(path: string, object: unknown): void;
  /** Sets the HTTP status that a path of the API returns. */
  refuse(path: string, status: number): void;
  /** Paths of the requests, in order. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

const lists = [
  ...["deployments", "statefulsets", "daemonsets"].map((kind) => `apis/apps/v1/namespaces/default/${kind}`),
  ...["pods", "services"].map((kind) => `api/v1/namespaces/default/${kind}`),
];

/** Starts an API server of a Kubernetes version, without objects. */
export async function startCluster(gitVersion = "v1.34.2"): Promise<TestCluster> {
  const server: TestServer = await startServer();
  const kubeconfig = join(await mkdtemp(join(tmpdir(), "lab-cluster-")), "kubeconfig");
  await writeFile(
    kubeconfig,
    JSON.stringify({
      ...{ apiVersion: "v1", kind: "Config" },
      clusters: [{ name: "c", cluster: { server: server.url, "insecure-skip-tls-verify": true } }],
      users: [{ name: "u", user: { token: "t" } }],
      contexts: [{ name: "lab", context: { cluster: "c", user: "u" } }],
    }),
  );
  const put = (path: string, object: unknown) => void server.answers.set(path, { body: JSON.stringify(object) });
  put("version", { gitVersion });
  for (const path of lists) put(path, { items: [] });
  put("api/v1/namespaces/default/services", { items: [{ metadata: { name: "kubernetes" } }] });
  const refuse = (path: string, status: number) => void server.answers.set(path, { status });
  return { kubeconfig, context: "lab", put, refuse, asked: server.asked, close: () => server.close() };
}
