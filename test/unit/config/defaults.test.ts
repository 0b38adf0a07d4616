import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { versions } from "../../../config/versions";
import { exec } from "../../../host/exec";
import { type Project, projectCopy } from "../../support/pulumi-project";

let project: Project;
beforeEach(async () => {
  project = await projectCopy("defaults");
}, 60_000);
afterEach(() => project.remove());

const read = (file: string) => readFileSync(join(project.dir, file), "utf8");

/**
 * The config that Pulumi's engine gives to the program of a stack that sets nothing. Pulumi v3.259.0, mergeConfig() of
 * pkg/workspace/config.go: a declared key gets its `default`, a primitive value as text and any other as JSON; a key of the
 * project's namespace without a default ends the operation with "missing configuration value".
 */
function engineConfig(): Record<string, string> {
  const declared: Record<string, { default?: unknown }> = parse(read("Pulumi.yaml")).config;
  return Object.fromEntries(
    Object.entries(declared).map(([key, { default: value }]) => {
      if (value === undefined || value === null) throw new Error(`missing configuration value '${key}'`);
      return [`ambient-lab:${key}`, typeof value === "object" ? JSON.stringify(value) : String(value)];
    }),
  );
}

/** The checkout's configuration of a stack without settings, as its program loads it and as its command line reads it. */
async function loaded(): Promise<Record<"program" | "cli", Record<string, unknown>>> {
  const script = [
    'require("tsx/cjs");',
    'const program = require("./config/stack-config.ts").loadConfig();',
    'const cli = require("./cli/stack/settings.ts").readConfig(process.cwd(), "defaults");',
    "console.log(JSON.stringify({ program, cli }));",
  ].join("\n");
  // The language host's own variables: sdk/nodejs/cmd/pulumi-language-nodejs/main.go and sdk/nodejs/runtime/settings.ts.
  const env = { PULUMI_CONFIG: JSON.stringify(engineConfig()), PULUMI_NODEJS_PROJECT: "ambient-lab" };
  const { code, stdout, stderr } = await exec(process.execPath, ["-e", script], { cwd: project.dir, env });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

/**
 * Runs the script of a step of nightly.yml in the checkout. A step without `shell` runs by `bash -e FILE`
 * (docs.github.com, workflow syntax, `jobs.<job_id>.steps[*].shell`).
 */
async function nightlyStep(name: string, env: Record<string, string>) {
  const { jobs } = parse(read(".github/workflows/nightly.yml"));
  const steps: { name?: string; run?: string }[] = jobs["newest-istio"].steps;
  const { run } = steps.find((step) => step.name === name) ?? {};
  if (run === undefined) throw new Error(`nightly.yml has no step "${name}" with a script`);
  const file = join(project.home, "step.sh");
  mkdirSync(project.home, { recursive: true });
  writeFileSync(file, run);
  return exec("bash", ["-e", file], { cwd: project.dir, env });
}

/** Variables with which `git ls-remote` answers with these tags, or fails where there are none; and the file of GITHUB_ENV. */
function runner(tags: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), "lab-nightly-"));
  const lines = tags.flatMap((tag) => [tag, `${tag}^{}`]).map((tag) => `${"0".repeat(40)}\trefs/tags/${tag}`);
  const git = tags.length > 0 ? `cat <<'END'\n${lines.join("\n")}\nEND` : "exit 128";
  writeFileSync(join(folder, "git"), `#!/bin/sh\n${git}\n`, { mode: 0o755 });
  const kept = join(folder, "env");
  writeFileSync(kept, "");
  return {
    env: { PATH: `${folder}${delimiter}${process.env.PATH}`, GITHUB_ENV: kept },
    variables: () =>
      Object.fromEntries(
        readFileSync(kept, "utf8")
          .trim()
          .split("\n")
          .map((line) => line.split("=")),
      ),
  };
}

describe("the nightly workflow", () => {
  const minor = versions.istio.replace(/\.\d+$/, "");
  const tags = ["0", "9", "10", "8", "11-beta.0"].map((patch) => `${minor}.${patch}`);
  const newest = `${minor}.10`;

  test("the version that it takes is the one of the lab that it makes", async () => {
    const { env } = runner(tags);
    const { code, stderr } = await nightlyStep("Take the newest patch", env);
    expect(code, stderr).toBe(0);
    const { program, cli } = await loaded();
    expect(program.istioVersion).toBe(newest);
    expect(cli.istioVersion).toBe(newest);
  }, 60_000);

  test("it fails unless the lab that was proven reports that version", async () => {
    const { env, variables } = runner(tags);
    await nightlyStep("Take the newest patch", env);
    mkdirSync(join(project.dir, "evidence"));
    const proven = async (istio: string) => {
      project.write("evidence/report.json", JSON.stringify({ versions: { istio } }));
      return (await nightlyStep("The proven lab has the newest patch", variables())).code;
    };
    expect(await proven(newest)).toBe(0);
    expect(await proven(versions.istio)).not.toBe(0);
  });

  test("it changes nothing when Istio's tags cannot be read", async () => {
    const before = read("config/versions.ts");
    expect((await nightlyStep("Take the newest patch", runner([]).env)).code).not.toBe(0);
    expect(read("config/versions.ts")).toBe(before);
  });
});

test("a default that is changed in Pulumi.yaml is that of the program and of the command line", async () => {
  const text = read("Pulumi.yaml");
  project.write("Pulumi.yaml", text.replace(/(\n {2}workers:\n {4}type: integer\n {4}default: )2\n/, "$13\n"));
  expect(read("Pulumi.yaml")).not.toBe(text);
  const { program, cli } = await loaded();
  expect(program.workers).toBe(3);
  expect(cli).toEqual(program);
}, 60_000);
