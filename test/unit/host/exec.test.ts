import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { LabError } from "../../../host/errors";
import { exec, firstOnPath, run } from "../../../host/exec";

const sh = (script: string) => ["-c", script] as const;

describe("firstOnPath()", () => {
  test("finds what a shell runs, past folders, files without the right to execute and dead links", async () => {
    const root = mkdtempSync(join(tmpdir(), "path-"));
    const [folder, plain, dead, program] = ["a", "b", "c", "d"].map((name) => join(root, name));
    for (const each of [folder, plain, dead, program]) mkdirSync(each as string);
    mkdirSync(join(folder as string, "tool"));
    writeFileSync(join(plain as string, "tool"), "#!/bin/sh\n", { mode: 0o644 });
    symlinkSync("nowhere", join(dead as string, "tool"));
    writeFileSync(join(program as string, "tool"), "#!/bin/sh\necho found\n", { mode: 0o755 });
    const PATH = [folder, plain, dead, program].join(delimiter);
    expect(firstOnPath("tool", { PATH })).toBe(join(program as string, "tool"));
    expect((await exec("/bin/sh", ["-c", "command -v tool"], { env: { PATH } })).stdout).toBe(
      join(program as string, "tool"),
    );
    expect(firstOnPath("tool", { PATH: [folder, plain, dead].join(delimiter) })).toBeUndefined();
  });
});

describe("exec", () => {
  // kind v0.32.0 pkg/internal/runtime/runtime.go GetDefault() takes the provider from KIND_EXPERIMENTAL_PROVIDER; docker/cli
  // v29.7.2 cli/command/image/pull.go and build.go take the platform from DOCKER_DEFAULT_PLATFORM.
  test("exec() keeps the user's choice of another provider and platform from kind and docker", async () => {
    vi.stubEnv("KIND_EXPERIMENTAL_PROVIDER", "podman");
    vi.stubEnv("DOCKER_DEFAULT_PLATFORM", "linux/s390x");
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const print = sh(`echo "$KIND_EXPERIMENTAL_PROVIDER \${DOCKER_DEFAULT_PLATFORM-unset}"`);
    expect((await exec("sh", print)).stdout).toBe("docker unset");
    expect((await exec("sh", print, { env: { DOCKER_DEFAULT_PLATFORM: "a/b" } })).stdout).toBe("docker a/b");
  });

  test("exec() returns exit code, stdout and stderr of a failed command", async () => {
    const result = await exec("sh", sh("echo out; echo err >&2; exit 3"));
    expect(result).toMatchObject({ code: 3, stdout: "out", stderr: "err" });
  });

  test("exec() returns 127 when the program does not exist", async () => {
    expect((await exec("no-such-program", [])).code).toBe(127);
    expect((await exec("no-such-program", [], { onLine: () => undefined })).code).toBe(127);
  });

  test("exec() returns 124 when the time is up", async () => {
    expect((await exec("sleep", ["30"], { timeoutMs: 100 })).code).toBe(124);
    expect((await exec("sleep", ["30"], { timeoutMs: 100, onLine: () => undefined })).code).toBe(124);
  });

  test.each([
    ["KILL", 137],
    ["TERM", 143],
    ["INT", 130],
  ])("exec() returns 128 + n for a program that SIG%s ended", async (signal, code) => {
    expect((await exec("sh", sh(`kill -${signal} $$`))).code).toBe(code);
  });

  test("exec() ends the command when aborted", async () => {
    const abort = new AbortController();
    const finished = exec("sh", sh("echo ready; exec sleep 30"), {
      signal: abort.signal,
      onLine: (line) => line === "ready" && abort.abort(),
    });
    expect((await finished).code).toBe(143);
  });

  test("exec() hands over each line of stdout and stderr before the command ends", async () => {
    const lines: string[] = [];
    const result = await exec("sh", sh("echo one; echo two >&2; printf three"), { onLine: (line) => lines.push(line) });
    expect(lines.sort()).toEqual(["one", "three", "two"]);
    expect(result).toMatchObject({ code: 0, stdout: "one\nthree", stderr: "two" });
  });

  test("exec() gives input, variables and the working directory, and no shell reads the arguments", async () => {
    const read = await exec("sh", sh('cat; echo "$GREETING"; pwd'), {
      input: "text\n",
      env: { GREETING: "hello" },
      cwd: "/",
    });
    expect(read.stdout).toBe("text\nhello\n/");
    expect((await exec("printf", ["%s", "$HOME;`id`"])).stdout).toBe("$HOME;`id`");
  });

  test("exec() gives an empty standard input by default", async () => {
    expect(await exec("cat", [], { timeoutMs: 5_000 })).toMatchObject({ code: 0, stdout: "" });
  });

  test("exec() returns the command so that it can be pasted into a shell", async () => {
    const { command, stdout } = await exec("printf", ["%s|", "two words", "it's", "$x"]);
    expect((await exec("sh", sh(command))).stdout).toBe(stdout);
  });
});

describe("run", () => {
  const reasons = { why: "The lab needs it", fix: "Install it" };

  test("run() returns stdout of a command that succeeded", async () => {
    expect(await run(exec, "echo", ["fine"], reasons)).toBe("fine");
  });

  test("run() throws a LabError with the command, its exit code and the last six lines of stderr", async () => {
    const failed = run(exec, "sh", sh("seq 1 9 >&2; exit 2"), reasons);
    await expect(failed).rejects.toBeInstanceOf(LabError);
    await expect(failed).rejects.toMatchObject({
      ...reasons,
      what: expect.stringMatching(/exit code 2:\n4\n5\n6\n7\n8\n9$/),
    });
  });

  test("run() quotes stdout when stderr is empty", async () => {
    const failed = run(exec, "sh", sh("echo reason; exit 1"), reasons);
    await expect(failed).rejects.toMatchObject({ what: expect.stringContaining(":\nreason") });
  });
});
