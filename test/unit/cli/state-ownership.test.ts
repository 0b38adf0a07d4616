import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { run } from "../../../cli/run";
import { checkout, FakeEngine, fakeIo, ownLabHome } from "./world";

ownLabHome();

/** A folder with the files of a backend. */
function backend(files: Record<string, string>): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "lab-state-")));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** Runs a command on stack "dev" of that backend. */
async function lab(
  command: string,
  folder: string,
  env: Record<string, string> = {},
  engine = new FakeEngine(["dev"]),
) {
  const io = fakeIo({ root: checkout(), engine });
  Object.assign(io.env, { PULUMI_BACKEND_URL: `file://${folder}`, ...env });
  const code = await run([...command.split(" "), "--stack", "dev"], io);
  return { code, text: io.err(), calls: engine.calls };
}

// The layouts of pulumi v3.259.0: pkg/backend/diy/meta.go, ensurePulumiMeta; pkg/backend/diy/store.go, ListReferences.
const legacy = { ".pulumi/stacks/dev.json": "{}" };

describe.each(["destroy --yes", "up --yes --no-verify", "status", "list"])("%s", (command) => {
  test.each([
    ["stacks of no project", legacy, {}],
    ["compressed stacks of no project", { ".pulumi/stacks/dev.json.gz": "" }, {}],
    ["the version of the legacy layout", { ".pulumi/meta.yaml": "version: 0\n" }, {}],
    ["nothing, where the environment asks for the legacy layout", {}, { PULUMI_DIY_BACKEND_LEGACY_LAYOUT: "true" }],
    ["nothing, where it asks by the old name", {}, { PULUMI_SELF_MANAGED_STATE_LEGACY_LAYOUT: "1" }],
  ])("refuses a backend with %s, also when Pulumi is configured to ignore it", async (_what, files, more) => {
    const folder = backend(files);
    const env = { PULUMI_DIY_BACKEND_IGNORE_DEPRECATION_ERROR: "1", ...more };
    const { code, text, calls } = await lab(command, folder, env);
    expect(code).toBe(2);
    expect(text).toContain(`What  The state in ${folder} has Pulumi's legacy layout`);
    expect(calls).toEqual([]);
  });
});

test("the refusal names the stacks, and its Fix gives the lab a folder of its own", async () => {
  const { text } = await lab("destroy --yes", backend(legacy));
  expect(text).toContain("with the stacks dev");
  expect(text).toMatch(/Fix {3}mkdir -p .*\/state && export PULUMI_BACKEND_URL=file:\/\/.*\/state/);
});

test.each([
  ["its own project", { ".pulumi/meta.yaml": "version: 1\n", ".pulumi/stacks/ambient-lab/dev.json": "{}" }],
  ["stray files of the legacy layout beside projects", { ".pulumi/meta.yaml": "version: 1\n", ...legacy }],
  ["copies that Pulumi leaves out", { ".pulumi/stacks/dev.json.bak": "{}" }],
  ["nothing", {}],
])("a backend with %s is taken", async (_what, files) => {
  expect(await lab("destroy --yes", backend(files))).toMatchObject({ code: 0, calls: ["destroy", "remove"] });
});

test.each(["destroy --yes", "up --yes --no-verify"])(
  "%s refuses a stack with resources of another project, as a bucket with the legacy layout has them",
  async (command) => {
    const engine = new FakeEngine(["dev"]);
    const urn = "urn:pulumi:dev::shop::aws:s3/bucket:Bucket::orders";
    engine.stackState = { resources: [{ urn, type: "aws:s3/bucket:Bucket" }], pending: [] };
    const { code, text, calls } = await lab(command, "", { PULUMI_BACKEND_URL: "s3://bucket" }, engine);
    expect(code).toBe(2);
    expect(text).toContain("The stack holds resources of the project shop");
    expect(calls.filter((call) => !/^(select)$/.test(call))).toEqual([]);
  },
);
