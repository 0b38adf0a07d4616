import { mkdtempSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as createHttp2Server, type Http2Server, type IncomingHttpHeaders } from "node:http2";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ports } from "../../config/vocabulary";
import { exec } from "../../host/exec";
import { health } from "../../modules/grpc/objects";
import type { VerifyContext } from "../../verify/context";
import { type Endpoints, keptHttp, type LoadPlan, sendLoad } from "../../verify/cost/load";
import { PreconditionError } from "../../verify/precondition-error";
import { requires } from "../support/skip";

const skip = requires("load", { programs: ["go"] });

/** A loopback address of the test's own: the port of the apps' Services is free there. */
const address = "127.0.90.1";

/** The load generator in the version of images/httpbin/Dockerfile, run on this machine in the place of a pod. */
describe.skipIf(skip)("the load of the module cost, by the real vegeta", () => {
  let server: Server;
  let context: VerifyContext;
  /** Requests as they came: time in milliseconds, path, Host header, user agent, and connection. */
  let came: { at: number; url: string; host: string; agent: string; socket: Socket }[];
  /** How the server answers the next request, by its number. */
  let answer: (n: number) => { status: number; afterMs: number };
  const plan: LoadPlan = { path: "none", perSecond: 100, seconds: 1, ...keptHttp, id: "the-id" };
  /** Of the 100 requests of the plan, so many are sent on a machine that is busy with other work as well. */
  const atLeast = 50;
  const endpoints = { client: { name: "client" }, server: { name: "server" }, address } as Endpoints;

  beforeAll(async () => {
    const dockerfile = readFileSync(join(__dirname, "../../images/httpbin/Dockerfile"), "utf8");
    const [module = ""] = /github\.com\/tsenart\/vegeta\/v12@v[\d.]+/.exec(dockerfile) ?? [];
    const bin = mkdtempSync(join(tmpdir(), "vegeta-"));
    const env = { ...process.env, GOBIN: bin, GOFLAGS: "-trimpath", CGO_ENABLED: "0" };
    const built = await exec("go", ["install", module], { env, timeoutMs: 300_000 });
    expect(built.code, built.stderr).toBe(0);
    const PATH = `${bin}:${process.env.PATH}`;
    context = {
      signal: new AbortController().signal,
      lab: {
        exec: (_pod: unknown, [command = "", ...rest]: readonly string[], timeoutMs: number) =>
          exec(command, rest, { env: { ...process.env, PATH }, timeoutMs }),
      },
    } as unknown as VerifyContext;
    server = createServer((request, response) => {
      const { status, afterMs } = answer(came.length);
      const { url = "", headers, socket } = request;
      came.push({
        at: performance.now(),
        url,
        host: headers.host ?? "",
        agent: headers["user-agent"] ?? "",
        socket,
      });
      setTimeout(() => response.writeHead(status).end("x"), afterMs);
    });
    await new Promise<void>((resolve) => server.listen(ports.service, address, resolve));
  }, 320_000);

  beforeEach(() => {
    came = [];
    answer = () => ({ status: 200, afterMs: 0 });
  });

  afterAll(() => void server?.close());

  test("sends every request to the Service's address, under its name and with the id", async () => {
    const result = await sendLoad(context, endpoints, plan);
    expect(result).toMatchObject({ failed: 0, errors: [] });
    expect(result.sent).toBeGreaterThan(atLeast);
    expect(came).toHaveLength(result.sent);
    expect(new Set(came.map(({ url }) => url))).toEqual(new Set(["/bytes/1024?seed=1"]));
    expect(new Set(came.map(({ agent }) => agent))).toEqual(new Set(["probe=the-id"]));
    expect(new Set(came.map(({ host }) => host))).toEqual(new Set(["cost-none.default.svc.cluster.local:8000"]));
    expect(result.p50).toBeLessThanOrEqual(result.p90);
    expect(result.p90).toBeLessThanOrEqual(result.p99);
  });

  test("keeps connections, or opens one for each request", async () => {
    await sendLoad(context, endpoints, plan);
    const kept = new Set(came.map(({ socket }) => socket)).size;
    came = [];
    await sendLoad(context, endpoints, { ...plan, connections: "new" });
    expect(new Set(came.map(({ socket }) => socket)).size).toBe(came.length);
    expect(kept).toBeLessThan(50);
  });

  test("an answer that takes long delays no other request", async () => {
    answer = (n) => ({ status: 200, afterMs: n >= 20 && n < 40 ? 500 : 0 });
    const result = await sendLoad(context, endpoints, plan);
    const gaps = came.slice(1).map(({ at }, index) => at - (came[index]?.at ?? 0));
    // 20 requests wait half a second each. With a fixed number of connections the others would wait with them.
    expect(result.sent).toBeGreaterThan(atLeast);
    expect(Math.max(...gaps)).toBeLessThan(250);
    expect(result.p99).toBeGreaterThanOrEqual(500);
    expect(result.p50).toBeLessThan(250);
  });

  test("counts what failed", async () => {
    answer = (n) => ({ status: n < 3 ? 503 : 200, afterMs: 0 });
    expect(await sendLoad(context, endpoints, plan)).toMatchObject({
      ...{ failed: 3, errors: ["503 Service Unavailable"] },
    });
    answer = (n) => ({ status: n < 2 ? 301 : 200, afterMs: 0 });
    came = [];
    expect(await sendLoad(context, endpoints, plan)).toMatchObject({ failed: 2 });
  });

  test("an address where nothing listens fails each request", async () => {
    const result = await sendLoad(context, { ...endpoints, address: "127.0.90.2" }, plan);
    expect(result.failed).toBe(result.sent);
    expect(result.errors.join()).toContain("connection refused");
  });

  describe("by gRPC", () => {
    const calls: LoadPlan = { ...plan, protocol: "grpc" };
    /** A HealthCheckResponse that says SERVING: not compressed, two bytes long, field 1 is 1. */
    const serving = Buffer.from([0, 0, 0, 0, 2, 8, 1]);
    let grpc: Http2Server;
    let streams: { headers: IncomingHttpHeaders; body: string; port: number }[];
    let refuses: (n: number) => boolean;

    beforeAll(async () => {
      grpc = createHttp2Server();
      grpc.on("stream", (stream, headers) => {
        const parts: Buffer[] = [];
        stream.on("data", (part: Buffer) => parts.push(part));
        stream.on("end", () => {
          const body = Buffer.concat(parts).toString("hex");
          const refused = refuses(streams.length);
          streams.push({ headers, body, port: stream.session?.socket.remotePort ?? 0 });
          const head = { ":status": 200, "content-type": "application/grpc" };
          // A refusal has no message, and the status in its header (grpc, doc/PROTOCOL-HTTP2.md, Trailers-Only).
          if (refused) return stream.respond({ ...head, "grpc-status": "7" }, { endStream: true });
          stream.respond(head, { waitForTrailers: true });
          stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
          stream.end(serving);
        });
      });
      await new Promise<void>((resolve) => grpc.listen(health.port, address, resolve));
    });

    beforeEach(() => {
      streams = [];
      refuses = () => false;
    });

    afterAll(() => void grpc?.close());

    test("every call is one of gRPC, on one connection", async () => {
      const result = await sendLoad(context, endpoints, calls);
      expect(result).toMatchObject({ failed: 0, errors: [] });
      expect(streams).toHaveLength(result.sent);
      expect(new Set(streams.map(({ port }) => port)).size).toBe(1);
      expect(new Set(streams.map(({ body }) => body))).toEqual(new Set(["0000000000"]));
      expect(streams[0]?.headers).toMatchObject({
        ...{ ":method": "POST", ":path": "/grpc.health.v1.Health/Check" },
        ...{ ":authority": "cost-none.default.svc.cluster.local:5000", "user-agent": "probe=the-id" },
        ...{ "content-type": "application/grpc", te: "trailers" },
      });
    });

    test("a refusal is a failure, although its HTTP status is 200", async () => {
      refuses = (n) => n < 3;
      expect(await sendLoad(context, endpoints, calls)).toMatchObject({
        ...{ failed: 3, errors: ["a call was answered without a message"] },
      });
    });
  });

  test("an image without vegeta is reported", async () => {
    const bare = {
      ...context,
      lab: { exec: () => Promise.resolve({ code: 127, stdout: "", stderr: "sh: vegeta: not found" }) },
    };
    const sent = sendLoad(bare as unknown as VerifyContext, endpoints, plan);
    await expect(sent).rejects.toThrow(PreconditionError);
    await expect(sent).rejects.toThrow("vegeta in cost-none-client: sh: vegeta: not found");
  });
});
