import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { kubernetesOf, versionProblems } from "../../../config/compatibility";
import { istioMinors } from "../../../config/versions";
import { exec } from "../../../host/exec";
import { type Project, projectCopy } from "../../support/pulumi-project";
import { startServer, type TestServer } from "../../support/server";

let project: Project;
let changed: [file: string, text: string][];
beforeAll(async () => {
  project = await projectCopy("defaults");
  changed = ["Pulumi.yaml", "CHANGELOG.md"].map((file) => [file, read(file)]);
}, 60_000);
afterEach(() => {
  for (const [file, text] of changed) project.write(file, text);
  const made = ["evidence", "body.md", "notes.md", "ambient-lab.cdx.json"].map((file) => join(project.dir, file));
  for (const each of [project.home, ...made]) rmSync(each, { recursive: true, force: true });
});
afterAll(() => project.remove());

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

/** Replaces the declaration of a key of Pulumi.yaml. */
function declare(key: string, declaration: string, replaced = key): void {
  const { name, runtime, backend, config } = parse(read("Pulumi.yaml"));
  delete config[replaced];
  config[key] = parse(declaration);
  project.write("Pulumi.yaml", stringify({ name, runtime, backend, config }));
}

/** The checkout's configuration of a stack without settings, as its program loads it and as its command line reads it. */
async function loaded(config = engineConfig()): Promise<Record<"program" | "cli", Record<string, unknown>>> {
  const script = [
    'require("@swc-node/register");',
    'const program = require("./config/stack-config.ts").loadConfig();',
    'const cli = require("./cli/stack/settings.ts").readConfig(process.cwd(), "defaults");',
    "console.log(JSON.stringify({ program, cli }));",
  ].join("\n");
  // The language host's own variables: sdk/nodejs/cmd/pulumi-language-nodejs/main.go and sdk/nodejs/runtime/settings.ts.
  const env = { PULUMI_CONFIG: JSON.stringify(config), PULUMI_NODEJS_PROJECT: "ambient-lab" };
  const { code, stdout, stderr } = await exec(process.execPath, ["-e", script], { cwd: project.dir, env });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

/**
 * Runs the script of a step of a workflow in the checkout. A step without `shell` runs by `bash -e FILE`
 * (docs.github.com, workflow syntax, `jobs.<job_id>.steps[*].shell`).
 */
async function workflowStep(workflow: string, job: string, name: string, env: Record<string, string>) {
  const { jobs } = parse(read(`.github/workflows/${workflow}.yml`));
  const steps: { name?: string; run?: string }[] = jobs[job].steps;
  const { run } = steps.find((step) => step.name === name) ?? {};
  if (run === undefined) throw new Error(`${workflow}.yml has no step "${name}" with a script`);
  const file = join(project.home, "step.sh");
  mkdirSync(project.home, { recursive: true });
  writeFileSync(file, run);
  return exec("bash", ["-e", file], { cwd: project.dir, env: { ...project.env, ...env } });
}

describe("the nightly workflow", () => {
  let proxy: TestServer;
  beforeEach(async () => {
    proxy = await startServer();
  });
  afterEach(() => proxy.close());

  /** What the first job hands to the second, when a Go module proxy lists these tags of Istio's API. */
  async function labs(tags: readonly string[]) {
    proxy.answers.set("istio.io/api/@v/list", { body: tags.map((tag) => `v${tag}\n`).join("") });
    const kept = join(project.home, "output");
    const env = { GOPROXY: proxy.url, GITHUB_OUTPUT: kept, NO_PROXY: "127.0.0.1", HTTPS_PROXY: "http://127.0.0.1:9" };
    const { code, stderr } = await workflowStep("nightly", "versions", "Find the newest patches", env);
    const [, found] = /^labs=(.*)$/m.exec(existsSync(kept) ? readFileSync(kept, "utf8") : "") ?? [];
    return { code, stderr, labs: found ? (JSON.parse(found) as { istio: string; nodeImage: string }[]) : undefined };
  }
  const patches = ["0", "9", "10", "8", "11-beta.0"];

  test("it takes the newest patch of every supported minor, with a node image that fits", async () => {
    const {
      code,
      stderr,
      labs: found,
    } = await labs(istioMinors.flatMap(({ minor }) => patches.map((each) => `${minor}.${each}`)));
    expect(code, stderr).toBe(0);
    expect(found?.map(({ istio }) => istio)).toEqual(istioMinors.map(({ minor }) => `${minor}.10`));
    for (const { istio, nodeImage } of found ?? []) {
      expect(versionProblems({ istio, kubernetes: kubernetesOf(nodeImage) })).toEqual([]);
    }
  }, 60_000);

  test("it fails when the newest patch of one is not known", async () => {
    const { code, stderr, labs: found } = await labs(["1.31.9"]);
    expect({ failed: code !== 0, found }).toEqual({ failed: true, found: undefined });
    expect(stderr).toContain("Not known: Istio 1.30: Upstream names no release of Istio 1.30; Istio 1.32: ");
  }, 60_000);

  test("it fails unless the lab that was proven reports that version", async () => {
    mkdirSync(join(project.dir, "evidence"));
    const proven = async (istio: string) => {
      project.write("evidence/report.json", JSON.stringify({ versions: { istio } }));
      return (await workflowStep("nightly", "lab", "The proven lab has this version", { ISTIO: "1.31.10" })).code;
    };
    expect(await proven("1.31.10")).toBe(0);
    expect(await proven("1.31.1")).not.toBe(0);
  });
});

describe("the workflow that reports outdated versions", () => {
  /** Steps run with stand-ins of npm, which ends with that code, and gh, which has these issues. */
  async function run(code: number, issues: readonly object[]) {
    const folder = join(project.home, "bin");
    mkdirSync(folder, { recursive: true });
    const stub = (name: string, script: string) =>
      writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    stub("npm", `echo "! kind  v0.33.0 → v0.34.0"; exit ${code}`);
    writeFileSync(join(folder, "issues.json"), JSON.stringify(issues));
    stub("gh", `[ "$2" = list ] && exec cat "${folder}/issues.json"; echo "$*" >>"${project.home}/gh"`);
    const { jobs } = parse(read(".github/workflows/outdated.yml"));
    const kept = join(project.home, "env");
    const env = {
      ...{ PATH: `${folder}${delimiter}${process.env.PATH}`, GITHUB_ENV: kept, TITLE: jobs.outdated.env.TITLE },
    };
    const compared = await workflowStep("outdated", "outdated", "Compare the pins with upstream", env);
    if (compared.code !== 0) return "failed";
    const [, CODE = ""] = /^CODE=(\d)$/m.exec(readFileSync(kept, "utf8")) ?? [];
    const told = await workflowStep("outdated", "outdated", "Open, update or close the issue", { ...env, CODE });
    expect(told.code, told.stderr).toBe(0);
    const done = join(project.home, "gh");
    return existsSync(done) ? readFileSync(done, "utf8").trim() : "";
  }
  const title = "Pinned versions are outdated";

  test.each<[string, number, object[], RegExp]>([
    ["opens an issue", 1, [], /^issue create --title Pinned .* --body-file body.md$/],
    ["updates the one that is open", 1, [{ number: 7, title }], /^issue edit 7 --body-file body.md$/],
    ["leaves other issues alone", 1, [{ number: 8, title: `${title} too` }], /^issue create /],
    ["closes it when nothing is outdated", 0, [{ number: 7, title }], /^issue close 7 /],
    ["does nothing when nothing is outdated", 0, [], /^$/],
    ["fails when upstream did not answer", 3, [{ number: 7, title }], /^failed$/],
  ])("it %s", async (_, code, issues, done) => {
    expect(await run(code, issues)).toMatch(done);
    if (code === 1) expect(read("body.md")).toContain("! kind  v0.33.0 → v0.34.0");
  });
});

test("a release has the notes of its version and a bill of materials; a tag of another version ends it", async () => {
  const step = (tag: string) => {
    const env = { GITHUB_REF_NAME: tag, NO_PROXY: "127.0.0.1", HTTPS_PROXY: "http://127.0.0.1:9" };
    return workflowStep("release", "release", "The bill of materials and the notes of this version", env);
  };
  const { version } = JSON.parse(read("package.json"));
  project.write(
    "CHANGELOG.md",
    `# Changelog\n\n## Unreleased\n- b\n\n## ${version} - 2026-12-01\n- a\n\n## 0.0.1\n- old\n`,
  );
  const { code, stderr } = await step(`v${version}`);
  expect(code, stderr).toBe(0);
  expect(read("notes.md").trim()).toBe("- a");
  expect(JSON.parse(read("ambient-lab.cdx.json"))).toMatchObject({
    bomFormat: "CycloneDX",
    metadata: { component: { version } },
  });
  expect((await step("v9.9.9")).code).not.toBe(0);
  project.write("CHANGELOG.md", "# Changelog\n\n## Unreleased\n- b\n");
  expect((await step(`v${version}`)).code).not.toBe(0);
}, 60_000);

test("a default that is changed in Pulumi.yaml is that of the program and of the command line", async () => {
  declare("workers", "{ type: integer, default: 3 }");
  const { program, cli } = await loaded();
  expect(program.workers).toBe(3);
  expect(cli).toEqual(program);
}, 60_000);

// pulumi v3.259.0: RewriteShorthandConfigValues() of sdk/go/common/workspace/project.go, mergeConfig() of pkg/workspace/config.go.
test("the command line reads each form of a default that Pulumi reads", async () => {
  const pristine = engineConfig();
  declare("workers", "3");
  declare("addons", "[kiali, prometheus]");
  declare("faultPercent", "{ value: 30 }");
  declare("httpPort", "{ value: 8081, default: 8082 }");
  declare("ambient-lab:subnet", "{ type: string, default: 172.30.0.0/24 }", "subnet");
  expect((await loaded(pristine)).cli).toMatchObject({
    ...{ workers: 3, addons: ["kiali", "prometheus"], faultPercent: 30, httpPort: 8082, subnet: "172.30.0.0/24" },
  });
}, 60_000);
