import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { openHelmReleases } from "../../../cli/helm-releases";
import { findOrphans } from "../../../cli/orphans";
import { recover, stuckReleases } from "../../../cli/recover";
import type { Clock } from "../../../verify/eventually";
import { FakeEngine, fakeExec } from "./world";

describe("findOrphans()", () => {
  const table = (...rows: string[]) => fakeExec({ "ps -axo": rows.join("\n") });
  test("finds plugins without an engine, and what they still run", async () => {
    const exec = table(
      "    1     0 /sbin/init",
      "   50     1 /usr/bin/pulumi up",
      "   51    50 /usr/bin/pulumi-resource-docker 127.0.0.1:1",
      "   60     1 /root/.pulumi/plugins/x/pulumi-resource-command 127.0.0.1:2",
      "   61    60 /bin/sh -c kind create",
      "   62     1 pulumi-resource-kubernetes 127.0.0.1:2",
      "   63     1 tail -f pulumi-resource-kubernetes.log",
      "   64     1 kind create cluster --name ambient-lab-dev --image kindest/node",
      "   65     1 kind create cluster --name ambient-lab-other --image kindest/node",
      "   66    67 kind create cluster --name ambient-lab-dev --image kindest/node",
      "   67    68 /bin/sh -c # Makes the cluster",
      "   68    50 pulumi-resource-command 127.0.0.1:1",
    );
    expect(await findOrphans(exec, "ambient-lab-dev")).toEqual([
      { pid: 60, program: "pulumi-resource-command", busy: true },
      { pid: 62, program: "pulumi-resource-kubernetes", busy: false },
      { pid: 64, program: "kind", busy: true },
    ]);
  });
});

const releaseType = "kubernetes:helm.sh/v3:Release";
const stateRelease = (name: string) => ({ urn: name, type: releaseType, inputs: { name, namespace: "istio-system" } });
const revision = (release: string, status: string) => ({
  ...{ release, status, namespace: "istio-system" },
  secret: `sh.helm.release.v1.${release}.v1`,
});
const pendingCreate = (name: string) => ({ type: "creating", resource: stateRelease(name) });

describe("stuckReleases()", () => {
  const state = { resources: [stateRelease("istiod")], pending: [pendingCreate("ztunnel"), pendingCreate("cni")] };
  const names = (own: boolean, ...revisions: ReturnType<typeof revision>[]) =>
    stuckReleases(revisions, state, own).map(({ release, status }) => `${release} ${status}`);
  test("takes unfinished ones, and finished ones that the state does not know", () => {
    expect(
      names(
        true,
        revision("istiod", "pending-upgrade"),
        revision("istiod", "deployed"),
        revision("ztunnel", "deployed"),
      ),
    ).toEqual(["istiod pending-upgrade", "ztunnel deployed"]);
  });
  test("leaves the releases of others alone", () => {
    expect(names(true, revision("mine", "deployed"))).toEqual([]);
    expect(names(false, revision("mine", "pending-install"), revision("cni", "pending-install"))).toEqual([
      "cni pending-install",
    ]);
  });
});

describe("recover()", () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.close();
  });
  /** An API server that knows Helm's Secrets; every list after the first `installing` finds them deployed. */
  async function cluster(installing: number) {
    const deleted: string[] = [];
    let lists = 0;
    server = createServer((request, response) => {
      if (request.method === "DELETE") {
        deleted.push(request.url ?? "");
        response
          .setHeader("content-type", "application/json")
          .end(JSON.stringify({ kind: "Status", status: "Success" }));
        return;
      }
      lists += 1;
      const status = lists <= installing ? "pending-install" : "deployed";
      const labels = { owner: "helm", name: "ztunnel", status };
      const items = [{ metadata: { name: "sh.helm.release.v1.ztunnel.v1", namespace: "istio-system", labels } }];
      response
        .setHeader("content-type", "application/json")
        .end(JSON.stringify({ kind: "SecretList", apiVersion: "v1", items }));
    });
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const kubeconfig = join(mkdtempSync(join(tmpdir(), "lab-kube-")), "config");
    const document = {
      clusters: [{ name: "c", cluster: { server: `http://127.0.0.1:${port}`, "insecure-skip-tls-verify": true } }],
      users: [{ name: "u", user: {} }],
      contexts: [{ name: "kind-x", context: { cluster: "c", user: "u" } }],
    };
    writeFileSync(kubeconfig, JSON.stringify(document));
    return { deleted, address: { kubeconfig, context: "kind-x" } };
  }
  const none = async () => undefined;
  const noTime: Clock = { now: () => 0, sleep: async () => undefined };
  const options = (engine: FakeEngine, said: string[], ps = "") => ({
    ...{ engine, cluster: "ambient-lab-dev", ownCluster: true, clock: noTime, onEvent: () => {} },
    exec: fakeExec({ "ps -axo": ps }),
    signal: new AbortController().signal,
    say: (line: string) => void said.push(line),
  });

  test("does nothing to a healthy stack", async () => {
    const engine = new FakeEngine();
    const said: string[] = [];
    await recover({ ...options(engine, said), openReleases: none, wasKilled: false });
    expect([engine.calls, said]).toEqual([[], []]);
  });

  test("waits for the dead engine's plugins, removes the record of what they finished, reads the state back", async () => {
    const { deleted, address } = await cluster(2);
    const engine = new FakeEngine();
    engine.stackState = { resources: [], pending: [pendingCreate("ztunnel")] };
    const said: string[] = [];
    await recover({
      ...options(engine, said, "  62     1 pulumi-resource-kubernetes 127.0.0.1:2"),
      openReleases: () => openHelmReleases(address),
      wasKilled: true,
    });
    expect(deleted).toEqual(["/api/v1/namespaces/istio-system/secrets/sh.helm.release.v1.ztunnel.v1"]);
    expect(engine.calls).toEqual(["refresh"]);
    expect(said[0]).toContain("Waiting for plugins");
    expect(said[1]).toContain('Helm release "ztunnel" was left deployed');
  });

  test("forgets what is pending when no cluster answers", async () => {
    const { address } = await cluster(0);
    server?.close();
    server?.closeAllConnections();
    const engine = new FakeEngine();
    engine.stackState = { resources: [], pending: [pendingCreate("ztunnel")] };
    expect(await openHelmReleases(address)).toBeUndefined();
    await recover({ ...options(engine, []), openReleases: () => openHelmReleases(address), wasKilled: false });
    expect(engine.calls).toEqual(["forgetPending"]);
  });

  test("gives up on plugins that never end, and names them", async () => {
    let now = 0;
    const clock: Clock = { now: () => (now += 60_000), sleep: async () => undefined };
    const ps = " 60 1 pulumi-resource-command 127.0.0.1:2\n 61 60 /bin/sh -c kind create";
    const stuck = recover({ ...options(new FakeEngine(), [], ps), clock, openReleases: none, wasKilled: true });
    await expect(stuck).rejects.toThrow(/pulumi-resource-command \(pid 60\)[\s\S]*kill 60/);
  });
});
