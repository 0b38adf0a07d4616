import { type AddressInfo, createServer } from "node:net";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { engineEnvironment } from "../../../cli/engine/environment";
import { exec } from "../../../host/exec";

/** A gRPC server on the loopback address, and a client of it by each name of that address; prints who reached it. */
const loopback = `
const grpc = require("@grpc/grpc-js");
const server = new grpc.Server();
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), async (error, port) => {
  if (error) throw error;
  const ready = (host) => new Promise((done) => {
    const client = new grpc.Client(host + ":" + port, grpc.credentials.createInsecure());
    client.waitForReady(Date.now() + 10000, (failure) => { client.close(); done(failure ? [] : [host]); });
    // Nothing listens on [::1]: the first attempt is enough.
    if (host === "[::1]") setTimeout(() => { client.close(); done([]); }, 1000);
  });
  console.log((await Promise.all(["127.0.0.1", "localhost", "[::1]"].map(ready))).flat().join());
  server.forceShutdown();
  process.exit();
});`;

/** Runs the program with these variables and no other setting of a proxy; tells who was reached, and ends it when it asks the proxy. */
async function reach(variables: (proxy: string) => Record<string, string>) {
  const contact = new AbortController();
  const proxy = createServer((socket) => {
    contact.abort();
    socket.destroy();
  });
  await new Promise<void>((done) => proxy.listen(0, "127.0.0.1", done));
  const names = Object.keys(process.env).filter((name) => /_proxy$/i.test(name));
  const env = {
    ...Object.fromEntries(names.map((name) => [name, undefined])),
    ...variables(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`),
  };
  const cwd = resolve(__dirname, "../../..");
  try {
    const { stdout, stderr } = await exec(process.execPath, ["-e", loopback], { cwd, env, signal: contact.signal });
    return { reached: stdout, stderr, proxied: contact.signal.aborted };
  } finally {
    proxy.close();
  }
}

// @grpc/grpc-js 1.14.7, build/src/http_proxy.js: getProxyInfo() reads grpc_proxy, https_proxy and http_proxy in lower case
// alone; getNoProxyHostList() reads no_grpc_proxy, else no_proxy, and splits it at commas without trimming; "*" is no
// wildcard. Go (golang.org/x/net/http/httpproxy) never sends a loopback address to a proxy.
describe("the engine's own connections behind a proxy", { timeout: 120_000 }, () => {
  test.each<[string, Record<string, string>]>([
    ["https_proxy alone", { https_proxy: "PROXY" }],
    ["http_proxy alone", { http_proxy: "PROXY" }],
    ["grpc_proxy alone", { grpc_proxy: "PROXY" }],
    ["https_proxy with NO_PROXY", { https_proxy: "PROXY", NO_PROXY: "localhost,127.0.0.1,::1" }],
    ["https_proxy with spaces in no_proxy", { https_proxy: "PROXY", no_proxy: ".corp, localhost , 127.0.0.1 , ::1 " }],
    ["https_proxy with no_proxy=*", { https_proxy: "PROXY", no_proxy: "*" }],
    ["https_proxy with a no_grpc_proxy", { https_proxy: "PROXY", no_grpc_proxy: ".corp", no_proxy: "127.0.0.1" }],
  ])("stay on the loopback address with %s", async (_, given) => {
    const raw = (proxy: string) =>
      Object.fromEntries(Object.entries(given).map(([name, value]) => [name, value === "PROXY" ? proxy : value]));
    // The control: with the user's variables as they are, the same program asks the proxy.
    expect(await reach(raw)).toMatchObject({ proxied: true });
    const engine = await reach((proxy) => ({ ...raw(proxy), ...engineEnvironment({ ...raw(proxy), ...path }) }));
    expect(engine).toEqual({ reached: "127.0.0.1,localhost", stderr: "", proxied: false });
  });

  test("what the user has exempted stays exempt, and the variables of other programs stay as they are", () => {
    const environment = engineEnvironment({ NO_PROXY: ".corp, 10.0.0.0/8", no_proxy: "mirror.test" });
    expect(environment.no_grpc_proxy?.split(",")).toEqual(
      expect.arrayContaining([".corp", "10.0.0.0/8", "mirror.test", "127.0.0.1"]),
    );
    expect(Object.keys(environment).filter((name) => /^no_proxy$/i.test(name))).toEqual([]);
  });
});

const path = { PATH: process.env.PATH };
