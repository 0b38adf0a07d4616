import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canonicalBackend } from "../../host/backend";
import { exec } from "../../host/exec";
import { kindClusterLabel } from "../../host/kind-nodes";
import { labOwner, ownerParts } from "../../host/lab-owner";
import { clusterName } from "../../host/paths";
import { removeFromDocker } from "../support/leftovers";
import { type Project, projectCopy } from "../support/pulumi-project";
import { artifactsAtHand, enginePrograms, requires } from "../support/skip";

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

const nodeImage = process.env.LAB_RIG_NODE_IMAGE ?? "kindest/node:v1.34.2-rig";
const skipShared = requires("backends beside each other", {
  programs: [...enginePrograms, "kind"],
  docker: true,
  images: [nodeImage],
  artifacts: true,
});

/** The program, as plain Pulumi runs it, and the commands beside the lab of another backend with the same stack name. */
describe.skipIf(skipShared)("two backends that share a Docker and a folder for the files of their labs", () => {
  const stack = "two-backends";
  const name = clusterName(stack);
  let project: Project;
  let theirs: string;
  let marker: string;

  const docker = async (...args: string[]) => {
    const { code, stdout, stderr } = await exec("docker", args);
    expect(code, stderr).toBe(0);
    return stdout;
  };
  /** All that the other lab has: its network, its only node, and its files. */
  const seen = async () => [
    await docker("network", "inspect", "--format", "{{.Id}} {{json .Labels}}", name),
    await docker("ps", "--all", "--no-trunc", "--filter", `network=${name}`, "--format", "{{.ID}} {{.State}}"),
    readFileSync(marker, "utf8"),
  ];

  beforeAll(async () => {
    await removeFromDocker(stack);
    project = await projectCopy(stack);
    theirs = join(project.home, "theirs");
    mkdirSync(join(theirs, ".pulumi", "stacks"), { recursive: true });
    const labels = [`ambient-lab.stack=${stack}`, `ambient-lab.owner=${ownerParts(labOwner()).user} file://${theirs}`];
    const id = await docker("network", "create", ...labels.flatMap((label) => ["--label", label]), name);
    const node = ["--name", `${name}-control-plane`, "--label", `${kindClusterLabel}=${name}`, "--network", name];
    await docker("create", ...node, nodeImage);
    marker = join(project.home, "stacks", stack, "cluster");
    mkdirSync(join(project.home, "stacks", stack), { recursive: true });
    writeFileSync(marker, `${name} ${id} file://${theirs}\n`);
    await project.ok(["stack", "init", stack]);
    for (const [key, value] of Object.entries(artifactsAtHand())) await project.ok(["config", "set", key, value]);
  });

  afterAll(async () => {
    project?.remove();
    await removeFromDocker(stack);
  });

  it.each([
    ["pulumi up", 1, (one: Project) => one.pulumi(["up", "--yes", "--skip-preview"])],
    ["pulumi preview", 1, (one: Project) => one.pulumi(["preview"])],
    ["up", 4, (one: Project) => one.lab(["up", "--yes", "--no-verify", "--ignore", "cgroup"])],
    ["destroy", 2, (one: Project) => one.lab(["destroy", "--yes"])],
    ["pause", 2, (one: Project) => one.lab(["pause"])],
    ["resume", 2, (one: Project) => one.lab(["resume"])],
  ] as const)("%s touches nothing of the other's, and leads to its state", async (_verb, expected, verb) => {
    const before = await seen();
    const { code, stdout, stderr } = await verb(project);
    const said = stdout + stderr;
    expect(expected === 1 ? code !== 0 : code === expected, said).toBe(true);
    expect(said).toContain(`A kind cluster "${name}" exists that this stack did not make`);
    expect(said).toContain(`export PULUMI_BACKEND_URL=file://${theirs}`);
    expect(await seen()).toEqual(before);
  });

  it("is the other's own with its backend", async () => {
    const env = { ...project.env, PULUMI_BACKEND_URL: `file://${theirs}` };
    const { code, stdout, stderr } = await exec(process.execPath, ["cli/bootstrap.cjs", "pause", "--stack", stack], {
      cwd: project.dir,
      env,
    });
    expect(code, stdout + stderr).toBe(0);
  });
});
