import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { sha256 } from "../../../artifacts/download";
import { billPlugins } from "../../../cli/offline/bill";
import { hostPlatform, platforms, pluginPath } from "../../../cli/offline/pieces";
import { ensurePlugins } from "../../../cli/toolchain/plugins";
import type { LabError } from "../../../host/errors";
import { type Answer, fakeExec } from "./world";

const platform = platforms.find(({ name }) => name === hostPlatform()) ?? expect.fail("no platform");
const plugins = billPlugins();
const path = (name: string) => pluginPath(plugins.find((each) => each.name === name) ?? expect.fail(name), platform);

describe("ensurePlugins()", () => {
  let source: string;
  beforeEach(() => {
    source = mkdtempSync(join(tmpdir(), "lab-plugins-"));
    mkdirSync(join(source, "plugins"));
    for (const { name } of plugins) writeFileSync(join(source, path(name)), name);
    const sums = plugins.map(({ name }) => `${sha256(name)}  ${path(name)}\n`);
    writeFileSync(join(source, "SHA256SUMS"), sums.join(""));
  });

  /** Ensures them on a machine whose engine has some; returns what it was told to install. */
  async function ensure({ has = [] as string[], answers = {} as Record<string, Answer>, from = source, PATH = "" }) {
    const listed = plugins.filter(({ name }) => has.includes(name)).map(({ name, version }) => ({ name, version }));
    const known = { "pulumi plugin ls": JSON.stringify(listed), "pulumi plugin install": "", ...answers };
    const exec = fakeExec(known);
    await ensurePlugins({ pulumi: "/opt/pulumi", source: from, env: { PATH }, exec, say: () => undefined });
    return exec.calls
      .filter((call) => call.includes("install"))
      .map((call) => call.replace("pulumi plugin install ", ""));
  }
  const versionOf = (name: string) => plugins.find((each) => each.name === name)?.version;

  test("gives the engine those that it lacks, from the bundle", async () => {
    expect(await ensure({ has: ["kubernetes", "docker", "tls"] })).toEqual([
      `resource command ${versionOf("command")} --file ${join(source, path("command"))}`,
    ]);
    expect(await ensure({ from: "https://mirror.test" })).toEqual([]);
  });

  test("refuses a file that does not match the bundle's SHA256SUMS", async () => {
    writeFileSync(join(source, path("docker")), "half");
    const error: LabError = await ensure({ has: ["kubernetes"] }).catch((thrown) => thrown);
    expect([error.exitCode, error.what]).toEqual([
      4,
      `"${join(source, path("docker"))}" does not match SHA256SUMS of the bundle`,
    ]);
  });

  test("lets the engine fetch one that the bundle lacks, and says what lacks when it cannot", async () => {
    const bare = mkdtempSync(join(tmpdir(), "lab-bare-"));
    expect(await ensure({ from: bare })).toHaveLength(4);
    const refused = { code: 255, stderr: "error: could not download plugin: dial tcp: no such host" };
    const error: LabError = await ensure({ from: bare, answers: { "pulumi plugin install": refused } }).catch((e) => e);
    expect(error.what).toContain("no such host");
    expect(error.why).toContain(`"${bare}" has no ${path("kubernetes")}`);
    expect(error.fix).toContain(`npm run lab -- bundle ${bare}`);
  });

  test("asks nobody for one on the PATH, which the engine takes before all others", async () => {
    const bare = mkdtempSync(join(tmpdir(), "lab-bare-"));
    for (const { name } of plugins) writeFileSync(join(bare, `pulumi-resource-${name}`), "", { mode: 0o755 });
    expect(await ensure({ from: bare, PATH: bare })).toEqual([]);
  });
});
