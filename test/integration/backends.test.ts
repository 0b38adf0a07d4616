import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canonicalBackend } from "../../host/backend";
import { exec } from "../../host/exec";
import { type Project, projectCopy } from "../support/pulumi-project";
import { requires } from "../support/skip";

const skip = requires("backends", { programs: ["pulumi", "kind"], docker: true });

/** The real Pulumi CLI: where it keeps state, and state that another project keeps in the legacy layout. */
describe.skipIf(skip)("backends of the real Pulumi", () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "ambient-lab-backends-")));
  const shop = join(root, "shop");
  const legacy = join(root, "legacy");
  let project: Project;

  const pulumi = async (args: string[], env: Record<string, string>) => {
    const { code, stderr, stdout } = await exec("pulumi", [...args, "--non-interactive"], {
      cwd: shop,
      env: { PULUMI_CONFIG_PASSPHRASE: "", PULUMI_SKIP_UPDATE_CHECK: "true", ...env },
    });
    expect(code, stderr).toBe(0);
    return stdout;
  };
  const contents = () =>
    readdirSync(legacy, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name), "utf8")]);

  beforeAll(async () => {
    for (const folder of [shop, legacy, join(shop, "state")]) mkdirSync(folder, { recursive: true });
    writeFileSync(join(shop, "Pulumi.yaml"), "name: shop\nruntime: nodejs\n");
    project = await projectCopy("dev", {
      env: { PULUMI_BACKEND_URL: `file://${legacy}`, PULUMI_DIY_BACKEND_IGNORE_DEPRECATION_ERROR: "1" },
    });
  });

  afterAll(() => {
    project?.remove();
    rmSync(root, { recursive: true, force: true });
  });

  it("are found where canonicalBackend() says", async () => {
    const env = { PULUMI_BACKEND_URL: "file://state?no_tmp_dir=true" };
    await pulumi(["stack", "init", "here"], env);
    const folder = canonicalBackend({ root: shop, env }).replace("file://", "");
    expect(readdirSync(join(folder, ".pulumi", "stacks", "shop"))).toContain("here.json");
  });

  it.each([["destroy", "--yes"], ["up", "--yes", "--no-verify", "--ignore", "cgroup"], ["list"]])(
    "with another project's stack of the same name in the legacy layout are left alone by %s",
    async (...command) => {
      const env = { ...project.env, PULUMI_DIY_BACKEND_LEGACY_LAYOUT: "1" };
      if (contents().length === 0) await pulumi(["stack", "init", "dev"], env);
      const before = contents();
      expect(before.map(([name]) => name)).toContain("dev.json");
      const { code, stderr } = await project.lab(command);
      expect(code, stderr).toBe(2);
      expect(stderr).toContain(`The state in ${legacy} has Pulumi's legacy layout, with the stacks dev`);
      expect(contents()).toEqual(before);
    },
  );
});
