import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, expect, test } from "vitest";
import { exec } from "../../../host/exec";
import { declare } from "../../support/program";

const repository = join(__dirname, "..", "..", "..");

/** A docker that records what it is asked and whose server runs arm64; the argument of `--build-arg` is one word. */
const docker = `#!/bin/sh
printf '%s\\n' "$*" >>"$CALLS"
case "$1" in
  version) echo linux/arm64 ;;
  image) echo sha256:1234 ;;
  pull) ;;
  build) [ -z "$BUILD_SAYS" ] || { printf '%s\\n' "$BUILD_SAYS" >&2; exit 1; } ;;
esac
`;

/** Runs the command of the lab's program that builds the apps' image. */
async function build(env: Record<string, string> = {}, config: Record<string, unknown> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "lab-image-build-"));
  writeFileSync(join(folder, "docker"), docker, { mode: 0o755 });
  writeFileSync(join(folder, "calls"), "");
  const { inputs } = (await declare(config)).find("app-build");
  const { code, stdout, stderr } = await exec("/bin/sh", ["-c", String(inputs.create)], {
    cwd: repository,
    env: {
      ...{ PATH: `${folder}${delimiter}${process.env.PATH}`, CALLS: join(folder, "calls"), BUILD_SAYS: "" },
      ...{ HTTP_PROXY: "", HTTPS_PROXY: "", NO_PROXY: "", http_proxy: "", https_proxy: "", no_proxy: "" },
      ...(inputs.environment as Record<string, string>),
      ...env,
    },
  });
  const calls = readFileSync(join(folder, "calls"), "utf8").split("\n");
  const built = calls.find((call) => call.startsWith("build ")) ?? "";
  const args = [...built.matchAll(/--build-arg (\S+)/g)].map(([, arg]) => arg);
  return { code, stdout, stderr, built, args };
}

describe("the build of the apps' image", () => {
  // pulumi/pulumi-docker v5.2.0 provider/provider.go Check(): docker.Image builds for the plugin's own processor, which is
  // another one than the server's with x64 Node.js and Pulumi on an Apple processor.
  test("is for the server's platform, and its id is the command's output", async () => {
    const { code, stdout, built } = await build();
    expect(code).toBe(0);
    expect(built).toContain("--platform linux/arm64");
    expect(built).toMatch(/--tag docker\.io\/ambient-lab-unit\/httpbin:[0-9a-f]{12} images\/httpbin$/);
    expect(stdout).toBe("sha256:1234");
  });

  // docker/cli v29.7.2 cli/command/image/build.go: the docker program, and not the engine, adds the proxies of
  // ~/.docker/config.json to the build's arguments; an argument without a value takes that of the shell.
  test("gets the shell's proxies by name, and no proxy that is on this machine alone", async () => {
    const proxy = "http://me:secret@proxy.example:3128";
    const { args, built } = await build({ HTTPS_PROXY: proxy, https_proxy: proxy, NO_PROXY: "localhost,10.0.0.0/8" });
    expect(args).toEqual(["HTTPS_PROXY", "NO_PROXY", "https_proxy"]);
    expect(built).not.toContain("secret");
    for (const local of ["http://127.0.0.1:3128", "http://localhost:3128", "http://me:secret@[::1]:3128"])
      expect((await build({ HTTPS_PROXY: local, HTTP_PROXY: local, NO_PROXY: "a" })).args).toEqual(["NO_PROXY"]);
    expect((await build()).args).toEqual([]);
  });

  test("takes every base from its registry's mirror", async () => {
    const { args } = await build({}, { imageMirrors: ["docker.io=https://mirror.example/hub"] });
    const dockerfile = readFileSync(join(repository, "images/httpbin/Dockerfile"), "utf8");
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
    expect(bases.length).toBe(2);
    const declared = [...dockerfile.matchAll(/^ARG (\w+)=docker\.io\/(\S+)$/gm)];
    expect(bases).toEqual(declared.map(([, name]) => `\${${name}}`));
    expect(args).toEqual(declared.map(([, name, path]) => `${name}=mirror.example/hub/${path}`));
  });

  // docker/cli v20.10.24 cli/command/image/build.go (classic builder) and docker/buildx v0.14.1 commands/build.go.
  test.each([
    "The command '/bin/sh -c apk add curl' returned a non-zero code: 4",
    "ERROR: failed to solve: docker.io/library/alpine:3.22: failed to resolve source metadata",
  ])("shows Docker's own line: %s", async (line) => {
    const { code, stderr } = await build({ BUILD_SAYS: `Step 1/9 : ARG A\n${line}\n` });
    expect(code).not.toBe(0);
    expect(stderr).toMatch(
      /^What {2}Cannot build "docker\.io\/ambient-lab-unit\/httpbin:[0-9a-f]{12}" from images\/httpbin: /m,
    );
    expect(stderr).toContain(`: ${line}\nWhy `);
    expect(stderr).not.toContain("make room");
    expect((await build({ BUILD_SAYS: "failed to copy: write /x: no space left on device" })).stderr).toContain(
      "make room",
    );
  });
});
