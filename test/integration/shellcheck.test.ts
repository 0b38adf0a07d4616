import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { exec } from "../../host/exec";
import { requires } from "../support/skip";

const repository = join(__dirname, "..", "..");
const scripts = [
  ...readdirSync(join(repository, "components", "scripts")).map((file) => join("components", "scripts", file)),
  ...["docker", "kind"].map((name) => join("test", "support", `stand-in-${name}.sh`)),
];
const skip = requires("shellcheck", { programs: ["shellcheck"] });

describe.skipIf(skip)("shellcheck", () => {
  // The commands run in any /bin/sh: the dialect is not bash's.
  test.each(scripts)("finds nothing in %s, as POSIX shell", async (script) => {
    const { code, stdout } = await exec("shellcheck", ["--shell=sh", "--external-sources", script], {
      cwd: repository,
    });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  });

  test.each([".ci/run", "test/support/rig-app-image"])("finds nothing in %s", async (script) => {
    const { code, stdout } = await exec("shellcheck", [script], { cwd: repository });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  });

  test("finds a mistake when there is one", async () => {
    const { code, stdout } = await exec("shellcheck", ["--shell=sh", "-"], { input: 'x="a b"; rm -- $x\n' });
    expect(code).toBe(1);
    expect(stdout).toContain("SC2086");
  });
});
