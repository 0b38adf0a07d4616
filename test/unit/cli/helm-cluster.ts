import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One record of Helm, as its Secret shows it. */
export interface HelmRecord {
  release: string;
  status: string;
  /** Minutes since the API server created it. @default 0 */
  minutesOld?: number;
  /** Minutes since the last write after the creation. @default none */
  updatedMinutesAgo?: number;
}

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();

/** A real HTTP server that answers as an API server whose Secrets are Helm's records. */
export async function startHelmCluster(records: () => readonly HelmRecord[]) {
  const deleted: string[] = [];
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    response.setHeader("content-type", "application/json");
    if (request.method === "DELETE") {
      deleted.push(request.url ?? "");
      let body = "";
      request.on("data", (chunk) => {
        body += chunk;
      });
      request.on("end", () => {
        bodies.push(body);
        response.end(JSON.stringify({ kind: "Status", status: "Success" }));
      });
      return;
    }
    const items = records().map(({ release, status, minutesOld = 0, updatedMinutesAgo }) => ({
      metadata: {
        ...{ name: `sh.helm.release.v1.${release}.v1`, namespace: "istio-system" },
        ...{ uid: `uid-${release}`, resourceVersion: "7", creationTimestamp: ago(minutesOld) },
        labels: { owner: "helm", name: release, status },
        managedFields: updatedMinutesAgo === undefined ? [] : [{ manager: "helm", time: ago(updatedMinutesAgo) }],
      },
    }));
    response.end(JSON.stringify({ kind: "SecretList", apiVersion: "v1", items }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const kubeconfig = join(mkdtempSync(join(tmpdir(), "lab-kube-")), "config");
  const document = {
    clusters: [{ name: "c", cluster: { server: `http://127.0.0.1:${port}`, "insecure-skip-tls-verify": true } }],
    users: [{ name: "u", user: {} }],
    contexts: [{ name: "kind-x", context: { cluster: "c", user: "u" } }],
  };
  writeFileSync(kubeconfig, JSON.stringify(document));
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { deleted, bodies, address: { kubeconfig, context: "kind-x" }, close };
}

/** Path by which the API server is asked to delete a release's record. */
export const recordPath = (release: string) =>
  `/api/v1/namespaces/istio-system/secrets/sh.helm.release.v1.${release}.v1`;

const releaseType = "kubernetes:helm.sh/v3:Release";

/** A Helm release as a state holds it. */
export const stateRelease = (name: string) => ({
  urn: `urn:pulumi:alice::ambient-lab::${releaseType}::${name}`,
  type: releaseType,
  inputs: { name, namespace: "istio-system" },
});

/** A creation that an engine has begun. */
export const pendingCreate = (name: string) => ({ type: "creating", resource: stateRelease(name) });
