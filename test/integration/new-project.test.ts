import { readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { exec } from "../../host/exec";
import { type Project, projectCopy } from "../support/pulumi-project";
import { requires } from "../support/skip";

const skip = requires("pulumi new", { programs: ["pulumi"] });

/** `pulumi new` from this repository, as https://www.pulumi.com/docs/iac/cli/commands/pulumi_new describes it for templates. */
describe.skipIf(skip)("a project that pulumi new makes of this repository", () => {
  let template: Project;
  const folder = () => join(template.dir, "..", "mine");
  const lab = async (...args: string[]) => {
    const { code, stdout, stderr } = await exec(process.execPath, ["cli/bootstrap.cjs", ...args], {
      cwd: folder(),
      env: template.env,
    });
    expect(code, stderr).toBe(0);
    return stdout;
  };
  const settings = () => parse(readFileSync(join(folder(), "Pulumi.dev.yaml"), "utf8")).config;

  beforeAll(async () => {
    template = await projectCopy("dev");
    rmSync(join(template.dir, "node_modules"));
    const args = ["new", template.dir, "--dir", folder(), "--name", "my-lab", "--generate-only", "--yes"];
    const { code, stderr } = await exec("pulumi", args, { env: template.env });
    expect(code, stderr).toBe(0);
    symlinkSync(join(__dirname, "../../node_modules"), join(folder(), "node_modules"));
  }, 60_000);
  afterAll(() => template?.remove());

  test("has the name that was chosen, and no template section", () => {
    expect(parse(readFileSync(join(folder(), "Pulumi.yaml"), "utf8"))).toMatchObject({ name: "my-lab" });
    expect(readFileSync(join(folder(), "Pulumi.yaml"), "utf8")).not.toContain("template:\n");
  });

  test("keeps its settings under its own name, and plans a lab by them", async () => {
    await lab("config", "set", "workers", "3");
    expect(settings()).toMatchObject({ "my-lab:workers": 3 });
    expect(await lab("config", "get", "workers")).toBe("3");
    await lab("config", "set", "modules", "[egress]");
    const { entries }: { entries: { component: string }[] } = JSON.parse(await lab("plan", "--json"));
    expect(entries.map(({ component }) => component)).toContain("egress");
  }, 60_000);

  test("has stacks of its own in a backend that another project uses", async () => {
    const { env } = template;
    for (const cwd of [template.dir, folder()]) {
      const { code, stderr } = await exec("pulumi", ["stack", "init", "dev", "--non-interactive"], { cwd, env });
      expect(code, stderr).toBe(0);
    }
    const { stdout } = await exec("pulumi", ["stack", "ls", "--all", "--json"], { cwd: folder(), env });
    const names: string[] = JSON.parse(stdout).map(({ name }: { name: string }) => name);
    expect(names.sort()).toEqual(["dev", "organization/ambient-lab/dev"]);
  }, 60_000);
});
