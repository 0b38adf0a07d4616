import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../../cli/run";
import type { ClusterAddress } from "../../../host/paths";
import { startCluster, type TestCluster } from "../../support/cluster";
import { checkout, FakeEngine, fakeIo, ownLabHome, urnOf } from "./world";

ownLabHome();

let configured: TestCluster;
let other: TestCluster;
beforeAll(async () => {
  configured = await startCluster();
  other = await startCluster();
});
afterAll(() => Promise.all([configured.close(), other.close()]));

/** Runs `up` for a lab whose state is in a cluster, where an object of it is gone and cannot be made again. */
async function upOf({ kubeconfig, context }: ClusterAddress) {
  const settings = [
    "cluster: existing",
    "context: lab",
    "appImage: r.test/a:1",
    `kubeconfig: ${configured.kubeconfig}`,
  ];
  const lines = settings.map((each) => `  ambient-lab:${each}\n`).join("");
  const engine = new FakeEngine(["alice"]);
  engine.stackOutputs = { url: "http://127.0.0.1:23456", kubeconfig, context };
  const inputs = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "appa", namespace: "default" } };
  const outputs = { __fieldManager: "pulumi-kubernetes-1" };
  engine.stackState = {
    resources: [
      { urn: urnOf("p"), type: "pulumi:providers:kubernetes", inputs: { kubeconfig, context } },
      { urn: urnOf("o"), type: "kubernetes:core/v1:ServiceAccount", inputs, outputs },
    ],
    pending: [],
  };
  const io = fakeIo({ root: checkout({ "Pulumi.alice.yaml": `config:\n${lines}` }), engine });
  const before = configured.asked.length;
  expect(await run(["up", "--stack", "alice", "--yes", "--no-verify"], io), io.err()).toBe(0);
  expect(engine.calls).toEqual(["select", "up"]);
  return { said: io.err(), discovered: configured.asked.slice(before).includes("api/v1") };
}

test("up goes on when an object cannot be put back, and says so", async () => {
  const { said, discovered } = await upOf(configured);
  expect(discovered).toBe(true);
  expect(said).toContain("ServiceAccount default/appa was deleted by hand   (not put back: Failed to fetch");
});

test("up puts nothing into a cluster that the lab is only about to move to", async () => {
  const { said, discovered } = await upOf(other);
  expect(discovered).toBe(false);
  expect(said).not.toContain("deleted by hand");
});
