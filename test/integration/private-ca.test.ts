import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engineEnvironment, trustFolder } from "../../cli/engine/environment";
import { exec } from "../../host/exec";
import { selfSigned } from "../support/certificate";
import { requires } from "../support/skip";

const skip = requires("private-ca", { programs: ["pulumi", "openssl"] });

/** The real engine downloads a plugin from a host whose certificate a private CA signed. */
describe.skipIf(skip || process.platform !== "linux")("the engine behind a private CA", () => {
  const folder = mkdtempSync(join(tmpdir(), "ambient-lab-ca-"));
  let server: Server;
  let ca: string;

  beforeAll(async () => {
    process.env.AMBIENT_LAB_HOME = folder;
    const made = await selfSigned(folder, "localhost");
    ca = made.ca;
    server = createServer({ key: readFileSync(made.key), cert: readFileSync(ca) }, (_, response) => {
      response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterAll(() => {
    server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function download(trusted?: string): Promise<string> {
    const { port } = server.address() as AddressInfo;
    const args = ["plugin", "install", "resource", "absent", "1.0.0", "--server", `https://localhost:${port}`];
    const env = { ...engineEnvironment(process.env, [], trusted), PULUMI_HOME: join(folder, "pulumi") };
    const { code, stdout, stderr } = await exec("pulumi", args, { env, timeoutMs: 120_000 });
    expect(code).not.toBe(0);
    return stdout + stderr;
  }

  it("does not trust it by itself", async () => {
    expect(await download()).toMatch(/x509: certificate signed by unknown authority|failed to verify certificate/);
  });

  it("trusts it by the lab's folder", async () => {
    const said = await download(await trustFolder(ca));
    expect(said).not.toContain("x509");
    expect(said).toContain("404");
  });
});
