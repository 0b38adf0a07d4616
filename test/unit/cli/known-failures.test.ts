import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { run } from "../../../cli/run";
import { installTool } from "../../../cli/toolchain/install";
import { tools } from "../../../cli/toolchain/tools";
import { checkout, FakeEngine, fakeIo, ownLabHome } from "./world";

ownLabHome();
afterEach(() => vi.unstubAllEnvs());

const surprise = /error is unexpected/;

// Messages of pulumi v3.259.0 pkg/secrets/passphrase/manager.go, as the Automation API passes them on.
describe.each([
  "error: getting stack configuration: get stack secrets manager: incorrect passphrase",
  "error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables",
])("a passphrase that is not the stack's: %s", (message) => {
  class Sealed extends FakeEngine {
    override preview(): never {
      throw new Error(`code: 255\n stdout: \n stderr: ${message}\n${message}\n`);
    }
    override state(): never {
      throw new Error(`code: 255\n stdout: \n stderr: ${message}\n`);
    }
  }
  test.each([["preview"], ["status"]])("is named by %s", async (command) => {
    const io = fakeIo({ engine: new Sealed(["dev"]) });
    await run([command, "--stack", "dev"], io);
    expect(io.err()).toContain("What  The passphrase is not the one that the stack was made with");
    expect(io.err()).toContain("Fix   unset PULUMI_CONFIG_PASSPHRASE PULUMI_CONFIG_PASSPHRASE_FILE");
    expect(io.err()).not.toMatch(surprise);
  });
});

test("half of a workspace file of Pulumi is named, and not read where the stack is", async () => {
  const root = checkout();
  const home = mkdtempSync(join(tmpdir(), "lab-pulumi-"));
  const hash = createHash("sha1").update(join(root, "Pulumi.yaml")).digest("hex");
  mkdirSync(join(home, "workspaces"));
  const file = join(home, "workspaces", `ambient-lab-${hash}-workspace.json`);
  writeFileSync(file, '{"stack": "organization/amb');
  const of = async (...args: string[]) => {
    const io = fakeIo({ root, env: { PULUMI_HOME: home } });
    return { code: await run(["config", "list", ...args], io), err: io.err() };
  };
  const { code, err } = await of();
  expect([code, err]).toEqual([2, expect.stringContaining(`What  Cannot read "${file}"`)]);
  expect(err).toContain(`Fix   rm ${file}`);
  expect(await of("--stack", "alice")).toEqual({ code: 0, err: "" });
});

describe("a lab home that cannot be written", () => {
  const file = join(mkdtempSync(join(tmpdir(), "lab-file-")), "file");
  writeFileSync(file, "");

  test.each(tools.map((tool) => [tool.name, tool] as const))("is the problem when %s is brought", async (_, tool) => {
    vi.stubEnv("AMBIENT_LAB_HOME", join(file, "lab"));
    const system = { platform: "linux", arch: "x64" } as const;
    const digest = createHash("sha256").update("release").digest("hex");
    const fetcher = async (address: string) =>
      Buffer.from(/sum|checksums/.test(address) ? `${digest}  ${tool.release(system).file}\n` : "release");
    await expect(installTool(tool, { fetcher, system, source: "https://mirror.test" })).rejects.toMatchObject({
      exitCode: 4,
      what: expect.stringMatching(/^Cannot write ".*\/file\/lab\/bin.*ENOTDIR/),
      fix: `ls -ld ${file}   (must be writable for your user, or set AMBIENT_LAB_HOME to another folder; then run the command again)`,
    });
  });

  test("is named by doctor", async () => {
    vi.stubEnv("AMBIENT_LAB_HOME", join(file, "lab"));
    const io = fakeIo();
    expect(await run(["doctor"], io)).toBe(4);
    expect(io.out()).toMatch(/✗ The lab's folder can be written {2}\(home\)\n {4}What {2}Cannot write/);
  });
});
