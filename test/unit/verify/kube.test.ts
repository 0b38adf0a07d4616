import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { pathOf } from "../../../host/kube-api";
import { kubeLabClient, limiter } from "../../../verify/kube";
import type { LabClient } from "../../../verify/lab-client";
import { apiServer, type Channel } from "./fake/api-server";
import { labFacts } from "./fake/facts";

const { signal } = new AbortController();
const pod = { namespace: "default", name: "appa-1", container: "httpbin" };
const seen: { method?: string; url?: string; type?: string; body: string }[] = [];
const cleanUps: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  seen.length = 0;
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

async function worldOf(
  status: number,
  body: string | ((request: IncomingMessage) => string),
  open: (url: string, channel: Channel) => void = () => undefined,
): Promise<LabClient> {
  const server = await apiServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    seen.push({ method: request.method, url: request.url, type: request.headers["content-type"], body: text });
    response
      .writeHead(status, { date: "Mon, 23 Nov 2026 12:00:00 GMT" })
      .end(typeof body === "string" ? body : body(request));
  }, open);
  return worldAt(server);
}

async function worldAt(server: Awaited<ReturnType<typeof apiServer>>): Promise<LabClient> {
  const folder = await mkdtemp(join(tmpdir(), "kube-"));
  cleanUps.push(server.close, () => rm(folder, { recursive: true }));
  const kubeconfig = join(folder, "kubeconfig");
  const context = { name: "kind-ambient-lab-dev", context: { cluster: "c", user: "u" } };
  const config = {
    clusters: [{ name: "c", cluster: { server: server.url, "insecure-skip-tls-verify": true } }],
    users: [{ name: "u", user: {} }],
    contexts: [context],
  };
  await writeFile(kubeconfig, JSON.stringify(config));
  return kubeLabClient({ ...labFacts(), kubeconfig, url: server.url });
}

describe("kubeLabClient()", () => {
  it("reads an object in raw JSON", async () => {
    const lab = await worldOf(200, '{"kind":"Gateway","status":{"odd":"2026-11-23T00:00:00Z"}}');
    const ref = { apiVersion: "gateway.networking.k8s.io/v1", kind: "Gateway", namespace: "default", name: "gateway" };
    expect(await lab.read(ref, signal)).toEqual({ kind: "Gateway", status: { odd: "2026-11-23T00:00:00Z" } });
    expect(seen[0]?.url).toBe("/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways/gateway");
  });

  it("sends a request again that the API server puts off", async () => {
    let count = 0;
    const server = await apiServer(
      async (_request, response) => {
        count += 1;
        // k8s.io/apiserver: pkg/endpoints/handlers/responsewriters/status.go (Retry-After of TooManyRequests).
        if (count < 3)
          response.writeHead(429, { "retry-after": "0.01" }).end('{"message":"storage is (re)initializing"}');
        else response.writeHead(200).end('{"kind":"Service"}');
      },
      () => undefined,
    );
    const lab = await worldAt(server);
    const ref = { apiVersion: "v1", kind: "Service", namespace: "default", name: "appb" };
    expect(await lab.read(ref, signal)).toEqual({ kind: "Service" });
    expect(count).toBe(3);
  });

  it("takes 404 for absence, and another error for an error", async () => {
    const ref = { apiVersion: "v1", kind: "Service", namespace: "default", name: "appb" };
    expect(await (await worldOf(404, "{}")).read(ref, signal)).toBeUndefined();
    await expect((await worldOf(403, '{"message":"not for you"}')).read(ref, signal)).rejects.toThrow(
      "403 not for you",
    );
  });

  it("patches under its own field manager", async () => {
    const lab = await worldOf(200, "{}");
    const ref = {
      apiVersion: "security.istio.io/v1",
      kind: "AuthorizationPolicy",
      namespace: "default",
      name: "appb-l7",
    };
    await lab.patch(ref, [{ op: "remove", path: "/x" }], signal);
    expect(seen[0]).toEqual({
      method: "PATCH",
      url: "/apis/security.istio.io/v1/namespaces/default/authorizationpolicies/appb-l7?fieldManager=ambient-lab-verify",
      type: "application/json-patch+json",
      body: '[{"op":"remove","path":"/x"}]',
    });
  });

  it("kills one very pod, and no other of its name", async () => {
    const lab = await worldOf(200, "{}");
    await lab.killPod({ namespace: "default", name: "waypoint-1", uid: "u" }, signal);
    expect(seen[0]).toEqual({
      ...{ method: "DELETE", url: "/api/v1/namespaces/default/pods/waypoint-1", type: "application/json" },
      body: '{"gracePeriodSeconds":1,"preconditions":{"uid":"u"}}',
    });
  });

  it("reads the server's clock, a pod's log since a moment, and its last line", async () => {
    const lab = await worldOf(200, "a\nb\n");
    expect(await lab.serverTime(signal)).toBe(Date.parse("2026-11-23T12:00:00Z"));
    expect(await lab.logs(pod, "2026-11-23T12:00:00.5Z", signal)).toEqual(["a", "b"]);
    await lab.logs(pod, undefined, signal);
    const log = "/api/v1/namespaces/default/pods/appa-1/log?container=httpbin";
    expect(seen[1]?.url).toBe(`${log}&timestamps=true&sinceTime=2026-11-23T12%3A00%3A00.5Z`);
    expect(seen[2]?.url).toBe(`${log}&timestamps=true&tailLines=1`);
  });

  it("requests a rotated log from the kubelet with any content type", async () => {
    const file = "0.log.20261123-231247";
    const lab = await worldOf(200, ({ url = "", headers }) => {
      if (!url.includes("/proxy/logs/")) return '{"metadata":{"uid":"u"},"spec":{"nodeName":"n"}}';
      if (headers.accept !== "*/*") return "406: Not Acceptable\n\nAvailable representations: ";
      return url.endsWith(file)
        ? "2026-11-23T23:12:48Z stdout F one\n"
        : `<a href="0.log">x</a><a href="${file}">x</a>`;
    });
    expect(await lab.rotatedLogs(pod, signal)).toEqual(["2026-11-23T23:12:48.000000000Z one"]);
  });

  it("runs a command and returns its exit code", async () => {
    const status = {
      status: "Failure",
      message: "exit 56",
      details: { causes: [{ reason: "ExitCode", message: "56" }] },
    };
    const lab = await worldOf(200, "", (_url, channel) => {
      channel.send(1, "out");
      channel.send(2, "err");
      channel.send(3, JSON.stringify(status));
    });
    expect(await lab.exec(pod, ["curl", "x"], 5_000, signal)).toEqual({
      ...{ code: 56, stdout: "out", stderr: "err", bytes: Buffer.from("out") },
    });
  });

  it("fails when the connection of a command breaks", async () => {
    const lab = await worldOf(200, "", (_url, channel) => channel.close());
    await expect(lab.exec(pod, ["curl"], 5_000, signal)).rejects.toThrow("closed early");
  });

  it("ends a command that takes too long", async () => {
    const lab = await worldOf(200, "");
    await expect(lab.exec(pod, ["sleep"], 50, signal)).rejects.toThrow("did not end within 50 ms");
  });

  it("sends requests to a loopback port of a pod through a port-forward", async () => {
    const big = "x".repeat(40_000);
    const urls: string[] = [];
    const lab = await worldOf(200, "", (url, channel) => {
      urls.push(url);
      const port = Buffer.from([0x98, 0x3a]);
      channel.send(0, port);
      channel.send(1, port);
      channel.onData((stream, data) => {
        if (stream !== 0 || !data.includes("\r\n\r\n")) return;
        expect(data.toString()).toMatch(/^GET \/config_dump HTTP\/1.1\r\n/);
        channel.send(0, `HTTP/1.1 200 OK\r\ncontent-length: ${big.length}\r\n\r\n`);
        channel.send(0, big);
      });
    });
    expect(await lab.podGet(pod, 15000, "/config_dump", signal)).toMatchObject({ status: 200, body: big });
    expect(urls).toEqual(["/api/v1/namespaces/default/pods/appa-1/portforward?ports=15000"]);
  });

  it("reports why a port cannot be reached", async () => {
    const lab = await worldOf(200, "", (_url, channel) => {
      const port = Buffer.from([0x98, 0x3a]);
      channel.send(0, port);
      channel.send(1, Buffer.concat([port, Buffer.from("connection refused")]));
    });
    await expect(lab.podGet(pod, 15000, "/", signal)).rejects.toThrow(/connection refused/);
  });

  it("sends the gateway the host it is asked for", async () => {
    const lab = await worldOf(404, "");
    const request = { method: "GET", path: "/get", host: "other.opssec.in", headers: {}, timeoutMs: 1_000 };
    expect(await lab.gateway(request, signal)).toMatchObject({ status: 404, body: "" });
  });

  it("refuses a kubeconfig without the lab's context", async () => {
    await expect(kubeLabClient({ ...labFacts(), kubeconfig: "/nowhere" })).rejects.toThrow(/Cannot read "\/nowhere"/);
  });
});

describe("pathOf()", () => {
  it.each([
    ["v1", "Pod", "/api/v1/pods"],
    ["networking.istio.io/v1", "VirtualService", "/apis/networking.istio.io/v1/virtualservices"],
    ["gateway.networking.k8s.io/v1", "GatewayClass", "/apis/gateway.networking.k8s.io/v1/gatewayclasses"],
    ["security.istio.io/v1", "AuthorizationPolicy", "/apis/security.istio.io/v1/authorizationpolicies"],
    ["gateway.networking.k8s.io/v1", "Gateway", "/apis/gateway.networking.k8s.io/v1/gateways"],
    ["telemetry.istio.io/v1", "Telemetry", "/apis/telemetry.istio.io/v1/telemetries"],
  ])("of %s %s is %s", (apiVersion, kind, path) => {
    expect(pathOf({ apiVersion, kind })).toBe(path);
  });
});

describe("limiter()", () => {
  it("lets through so many at a time, and all in the end", async () => {
    const limited = limiter(2);
    let [now, most, done] = [0, 0, 0];
    const task = async () => {
      now += 1;
      most = Math.max(most, now);
      await new Promise(setImmediate);
      now -= 1;
      done += 1;
    };
    await Promise.all(Array.from({ length: 7 }, () => limited(task)));
    expect({ most, done }).toEqual({ most: 2, done: 7 });
  });
});
