import { mkdtempSync, readFileSync } from "node:fs";
import { createServer as createHttp, type Server } from "node:http";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { fetcher, reach } from "../../../artifacts/download";
import type { LabError } from "../../../host/errors";
import { exec } from "../../../host/exec";
import { selfSigned } from "../../support/certificate";
import { startServer, type TestServer } from "../../support/server";

/** A proxy that opens tunnels, and keeps a list of where to. With `secret`, only for those who know it. */
async function startProxy(secret?: string): Promise<{ url: string; asked: string[]; server: Server }> {
  const asked: string[] = [];
  const server = createHttp();
  server.on("connect", (request, socket, head) => {
    asked.push(request.url ?? "");
    const known = `Basic ${Buffer.from(`me:${secret}`).toString("base64")}`;
    if (secret && request.headers["proxy-authorization"] !== known) {
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
      return;
    }
    // Whatever the name, this machine answers: the test's hosts exist nowhere else.
    const upstream = connect(Number(request.url?.split(":")[1]), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked, server };
}

const refusal = (address: string) =>
  fetcher(address).then(
    () => expect.fail("it was read"),
    (error: LabError) => error,
  );

describe("fetcher behind a proxy", () => {
  let server: TestServer;
  const proxies: Server[] = [];
  const proxy = async (secret?: string) => {
    const started = await startProxy(secret);
    proxies.push(started.server);
    return started;
  };

  beforeEach(async () => {
    server = await startServer();
    server.answers.set("file", { body: "content" });
    for (const name of ["http_proxy", "https_proxy", "no_proxy"]) {
      vi.stubEnv(name, undefined);
      vi.stubEnv(name.toUpperCase(), undefined);
    }
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await server.close();
    for (const each of proxies.splice(0)) each.close();
  });
  const named = () => server.url.replace("127.0.0.1", "mirror.test");

  test("goes by HTTP_PROXY, and past it for the hosts of NO_PROXY", async () => {
    const { url, asked } = await proxy();
    vi.stubEnv("HTTP_PROXY", `http://${url}`);
    expect((await fetcher(`${named()}/file`)).toString()).toBe("content");
    expect(asked).toEqual([named().replace("http://", "")]);
    vi.stubEnv("NO_PROXY", "127.0.0.1");
    expect((await fetcher(`${server.url}/file`)).toString()).toBe("content");
    expect(asked).toHaveLength(1);
  });

  test("reports a proxy that requires credentials, and uses credentials in the address", async () => {
    const { url } = await proxy("pass");
    vi.stubEnv("HTTP_PROXY", `http://${url}`);
    const error = await refusal(`${named()}/file`);
    expect(error.what).toContain("407");
    expect(error.fix).toMatch(/^export HTTPS_PROXY=http:\/\/NAME:SECRET@/);
    vi.stubEnv("HTTP_PROXY", `http://me:pass@${url}`);
    expect((await fetcher(`${named()}/file`)).toString()).toBe("content");
  });

  test("distinguishes a rate limit from a failure", async () => {
    server.answers.set("limited", { status: 429 });
    expect((await refusal(`${server.url}/limited`)).why).toContain("limits how much");
    await expect(reach(`${server.url}/limited`, 5_000)).rejects.toThrow("limits how much");
    server.answers.set("broken", { status: 500 });
    expect((await refusal(`${server.url}/broken`)).fix).toContain("artifactSource");
  });

  test("reports a certificate of a private CA, and accepts it with caFile or NODE_EXTRA_CA_CERTS", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lab-ca-"));
    const { key, ca: certificate } = await selfSigned(folder, "localhost");
    const secure = createHttps({ key: readFileSync(key), cert: readFileSync(certificate) }, (_, response) => {
      response.end("content");
    });
    await new Promise<void>((resolve) => secure.listen(0, resolve));
    const address = `https://localhost:${(secure.address() as AddressInfo).port}/file`;
    try {
      const error = await refusal(address);
      expect(error.what).toMatch(/self.signed certificate/);
      expect(error.fix).toContain("caFile");
      expect((await fetcher(address, certificate)).toString()).toBe("content");
      expect(await reach(address, 5_000, certificate)).toBe(200);
      const { url, asked } = await proxy();
      vi.stubEnv("HTTPS_PROXY", `http://${url}`);
      expect((await fetcher(address, certificate)).toString()).toBe("content");
      expect(asked).toEqual([address.replace("https://", "").replace("/file", "")]);
      vi.stubEnv("HTTPS_PROXY", undefined);
      // Node reads the variable when it starts.
      const program = `require("./artifacts/download.ts").fetcher("${address}").then((body) => console.log(String(body)))`;
      const options = { cwd: join(__dirname, "../../.."), env: { NODE_EXTRA_CA_CERTS: certificate } };
      expect(await exec(process.execPath, ["--require", "@swc-node/register", "-e", program], options)).toMatchObject({
        code: 0,
        stdout: "content",
      });
    } finally {
      secure.close();
    }
  }, 120_000);
});
