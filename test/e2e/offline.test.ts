import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { istioImagesOf } from "../../config/image-names";
import { addonsAtHand } from "../support/addons-at-hand";
import { type CutOff, cutOff } from "../support/cut-off";
import { type Project, projectCopy } from "../support/pulumi-project";
import { artifactsAtHand, enginePrograms, requires } from "../support/skip";

/** A bundle that is made on this machine, and used on a machine without a network and without images. */
const nodeImage = process.env.LAB_RIG_NODE_IMAGE ?? "kindest/node:v1.34.2-rig";
const appImage = "docker.io/ambient-lab/rig-httpbin:2";
const atHand = artifactsAtHand();
const skip = requires("offline", {
  docker: true,
  programs: [...enginePrograms, "kind", "dockerd", "unshare", "nsenter", "ip"],
  images: [nodeImage, appImage, ...istioImagesOf(atHand.istioVersion)],
  artifacts: true,
  root: true,
  asked: true,
});

describe.skipIf(skip)("a lab without a network", () => {
  const media = mkdtempSync(join(tmpdir(), "ambient-lab-media-"));
  const [made, moved] = [join(media, "made"), join(media, "moved")];
  let here: Project;
  let there: Project;
  let machine: CutOff;

  beforeAll(async () => {
    machine = await cutOff();
    here = await projectCopy("bundling");
    there = await projectCopy("offline", machine);
    const addons = await addonsAtHand();
    settings(here, "bundling", { nodeImage, appImage, addons, ...atHand });
    settings(there, "offline", { nodeImage, addons, ...atHand, artifactSource: moved });
  });

  afterAll(async () => {
    await there?.lab(["destroy", "--yes"]);
    await machine?.run("kind", "delete", "cluster", "--name", "ambient-lab-offline");
    await machine?.stop();
    here?.remove();
    there?.remove();
    rmSync(media, { recursive: true, force: true });
  });

  it("has neither a route nor an image", async () => {
    expect((await machine.run("ip", "route", "get", "192.0.2.1")).code).not.toBe(0);
    expect((await machine.run("docker", "images", "--quiet")).stdout).toBe("");
  });

  it("is bundled on another machine, and a second run of bundle continues", async () => {
    const parts = ["--without", "cli", "--without", "plugins"];
    const first = await here.lab(["bundle", made, ...parts, "--without", "images"]);
    expect(first.code, first.stderr).toBe(0);
    const second = await here.lab(["bundle", made, ...parts]);
    expect(second.code, second.stderr).toBe(0);
    expect(second.stderr).toMatch(/charts\/istiod-\S+ {2}\S+ KB {2}\(there\)/);
    renameSync(made, moved);
    const whole = await there.lab(["bundle", "--verify", moved]);
    expect(whole).toMatchObject({ code: 0, stdout: `${moved} is whole` });
  });

  it("is created and verified", async () => {
    const up = await there.lab(["up", "--yes", "--no-verify"]);
    expect(up.code, `${up.stderr.slice(-6000)}\n${up.stdout}`).toBe(0);
    const verify = await there.lab(["verify"]);
    expect(verify.code, verify.stdout).toBe(0);
  });
});

function settings(project: Project, stack: string, config: Record<string, unknown>): void {
  const own = Object.entries(config).map(([key, value]) => [`ambient-lab:${key}`, value]);
  project.write(`Pulumi.${stack}.yaml`, stringify({ config: Object.fromEntries(own) }));
}
