import { release } from "node:os";
import { describe, expect, test } from "vitest";
import { hostPlatform, platforms } from "../../../cli/offline/pieces";
import { hasBrowser } from "../../../cli/terminal/process-io";
import { tools } from "../../../cli/toolchain/tools";
import { readDocker } from "../../../preflight/docker-facts";
import { dockerInfo, fakeExec } from "./world";

describe("on another system", () => {
  test.each([
    ["Linux with a Docker of its own", "linux", release(), true],
    ["Linux with a Docker in a virtual machine", "linux", "6.10.14-linuxkit", false],
    ["WSL 2, whose kernel Docker Desktop shares", "linux", release(), true],
    ["macOS", "darwin", release(), false],
  ] as const)("Docker's kernel is this machine's own or not: %s", async (_, platform, KernelVersion, local) => {
    const exec = fakeExec({ "docker info": JSON.stringify({ ...dockerInfo, KernelVersion }) });
    expect((await readDocker(exec, {}, platform)).local).toBe(local);
  });

  test.each([
    ["macOS", "darwin", {}, true],
    ["a Linux desktop", "linux", { DISPLAY: ":0" }, true],
    ["a Linux server", "linux", {}, false],
    ["WSL 2, where Windows shows it", "linux", { WSL_DISTRO_NAME: "Ubuntu" }, true],
    ["macOS over SSH", "darwin", { SSH_CONNECTION: "10.0.0.1 22" }, false],
  ] as const)("there is a browser or not: %s", (_, platform, env, there) => {
    expect(hasBrowser(env, platform)).toBe(there);
  });

  test.each([
    ["linux", "x64", "linux/amd64"],
    ["linux", "arm64", "linux/arm64"],
    ["darwin", "arm64", "darwin/arm64"],
    ["win32", "x64", "linux/amd64"],
  ] as const)("a bundle for %s on %s is one for %s, with Linux images and its own tools", (platform, arch, name) => {
    expect(hostPlatform({ platform, arch })).toBe(name);
    const { system, nodes } = platforms.find((each) => each.name === name) ?? expect.fail(name);
    expect(nodes).toBe(`linux/${name.split("/")[1]}`);
    for (const tool of tools) expect(tool.release(system).file).toContain(name.split("/")[0]);
  });
});
