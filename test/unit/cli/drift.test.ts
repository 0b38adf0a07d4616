import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { driftText, findDrift } from "../../../cli/recovery/drift";

const servers: Server[] = [];
afterEach(() => servers.splice(0).forEach((server) => void server.close()));

const declared = (replicas: number) => ({
  ...{ apiVersion: "v1", kind: "ReplicationController", metadata: { name: "a", namespace: "default" } },
  spec: { replicas, paused: "1m0s" },
});
const resource = (type = "kubernetes:core/v1:ReplicationController") => ({
  ...{ urn: "u", type, inputs: declared(2), outputs: { __fieldManager: "pulumi-kubernetes-1" } },
});

/** An API server that holds one object, or none; an apply writes the replicas and its own idea of the rest. */
async function cluster(replicas: number | undefined) {
  const applied: URLSearchParams[] = [];
  let live = replicas;
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://x");
    const answer = (code: number, body: object) =>
      void response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (url.pathname === "/api/v1") {
      const resources = [
        { name: "replicationcontrollers", kind: "ReplicationController", namespaced: true, verbs: [] },
      ];
      return answer(200, { kind: "APIResourceList", groupVersion: "v1", resources });
    }
    const object = (count: number, version: string) => ({
      ...declared(count),
      metadata: { ...declared(0).metadata, resourceVersion: version, managedFields: [] },
      spec: { replicas: count, paused: "60s" },
    });
    if (request.method === "GET") {
      return live === undefined ? answer(404, { kind: "Status", code: 404 }) : answer(200, object(live, "1"));
    }
    applied.push(url.searchParams);
    void textOf(request).then((text) => {
      const { replicas: wanted } = JSON.parse(text).spec;
      if (url.searchParams.get("dryRun") === null) live = wanted;
      answer(200, object(wanted, "2"));
    });
  });
  servers.push(server);
  await new Promise<void>((listening) => void server.listen(0, "127.0.0.1", listening));
  const kubeconfig = join(mkdtempSync(join(tmpdir(), "lab-drift-")), "kubeconfig");
  const at = {
    name: "c",
    cluster: { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, "insecure-skip-tls-verify": true },
  };
  const contexts = [{ name: "x", context: { cluster: "c", user: "u" } }];
  writeFileSync(kubeconfig, stringify({ clusters: [at], users: [{ name: "u", user: {} }], contexts }));
  return { address: { kubeconfig, context: "x" }, applied, live: () => live };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}

const none = { changed: [], shared: [] };

describe("findDrift()", () => {
  test("names what was changed by hand, changes nothing by looking, and puts it back under the engine's name", async () => {
    const { address, applied, live } = await cluster(5);
    const found = (await findDrift([resource()], address))?.changed ?? [];
    expect(found.map(driftText)).toEqual(["ReplicationController default/a was changed by hand: spec.replicas"]);
    expect(live()).toBe(5);
    await found[0]?.reconcile();
    expect(live()).toBe(2);
    expect(applied.map((each) => Object.fromEntries(each))).toEqual([
      { dryRun: "All", fieldManager: "pulumi-kubernetes-1", force: "true" },
      { fieldManager: "pulumi-kubernetes-1", force: "true" },
    ]);
    expect(await findDrift([resource()], address)).toEqual(none);
  });
  test("makes an object again that was deleted, but none that the stack only patches", async () => {
    const { address, live } = await cluster(undefined);
    expect(await findDrift([resource("kubernetes:core/v1:ReplicationControllerPatch")], address)).toEqual(none);
    const found = (await findDrift([resource()], address))?.changed ?? [];
    expect(found.map(driftText)).toEqual(["ReplicationController default/a was deleted by hand"]);
    await found[0]?.reconcile();
    expect(live()).toBe(2);
  });
  test("ignores releases and other providers' resources, and reports nothing for a cluster that does not answer", async () => {
    const { address, applied } = await cluster(5);
    const release = { urn: "u", type: "kubernetes:helm.sh/v3:Release", inputs: { name: "r" }, outputs: {} };
    expect(await findDrift([release, { urn: "u", type: "docker:index/network:Network" }], address)).toEqual(none);
    expect(applied).toEqual([]);
    expect(await findDrift([resource()], { ...address, kubeconfig: "/nowhere" })).toBeUndefined();
    servers.splice(0).forEach((server) => void server.close());
    expect(await findDrift([resource()], { ...address })).toBeUndefined();
  });
});
