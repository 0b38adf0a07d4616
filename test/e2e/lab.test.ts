import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { labFacts, readOutputs } from "../../cli/stack/lab";
import { istioImagesOf } from "../../config/image-names";
import { annotationKeys } from "../../config/vocabulary";
import { exec } from "../../host/exec";
import { listNodes } from "../../host/kind-nodes";
import { moduleImagesOf, moduleNames } from "../../modules/index";
import type { VerifyReport } from "../../verify";
import { eventually } from "../../verify/eventually";
import { addonsAtHand } from "../support/addons-at-hand";
import { removeFromDocker } from "../support/leftovers";
import { type LiveLab, liveLab } from "../support/live-lab";
import { moduleWorlds } from "../support/module-worlds";
import { type Project, projectCopy } from "../support/pulumi-project";
import { runWorld, type WorldOutcome } from "../support/run-world";
import { artifactsAtHand, enginePrograms, requires } from "../support/skip";
import { type LiveWorld, liveWorlds } from "../support/worlds";
import { worldsToFile } from "../support/worlds-file";

/** Creates, verifies, breaks and removes a lab with the command line, as a user does. */
const nodeImage = process.env.LAB_RIG_NODE_IMAGE ?? "kindest/node:v1.34.2-rig";
const appImage = "docker.io/ambient-lab/rig-httpbin:2";
const atHand = artifactsAtHand();
const { istioVersion } = atHand;
const skip = requires("e2e", {
  docker: true,
  programs: [...enginePrograms, "kind"],
  images: [nodeImage, appImage, ...istioImagesOf(istioVersion), ...moduleImagesOf(moduleNames, istioVersion)],
  artifacts: true,
  asked: true,
});
const stack = "e2e";
const cluster = `ambient-lab-${stack}`;
const { signal } = new AbortController();

describe.skipIf(skip)("a lab from up to destroy", () => {
  let project: Project;
  let lab: LiveLab;
  const outcomes: WorldOutcome[] = [];
  const broken = async (world: LiveWorld) => {
    const outcome = await runWorld(lab, world);
    outcomes.push(outcome);
    process.stdout.write(`${outcome.line}\n`);
    expect(outcome.detectedBy).toEqual(world.detectedBy);
    expect(outcome.verdicts).not.toContain("pass");
    expect(outcome.causes).toContain(world.cause ?? "");
    expect(outcome.restored).toBe("pass");
  };

  beforeAll(async () => {
    await removeFromDocker(stack);
    project = await projectCopy(stack);
    const config = { nodeImage, appImage, ...atHand, addons: await addonsAtHand() };
    const own = Object.entries(config).map(([key, value]) => [`ambient-lab:${key}`, value]);
    project.write(`Pulumi.${stack}.yaml`, stringify({ config: Object.fromEntries(own) }));
  });

  afterAll(async () => {
    if (!project) return;
    await project.lab(["destroy", "--yes"]);
    await removeFromDocker(stack);
    project.remove();
  });

  it("is created and verified by one command", async () => {
    const up = await project.lab(["up", "--yes"]);
    expect(up.code, `${up.stderr.slice(-6000)}\n${up.stdout}`).toBe(0);
    lab = liveLab(labFacts(stack, readOutputs(await project.outputs())));
  });

  it("is verified again with JSON, JUnit and evidence, with every line of the report once", async () => {
    const [junit, evidence] = [join(project.dir, "junit.xml"), join(project.dir, "evidence")];
    const run = await project.lab(["verify", "--json", "--junit", junit, "--evidence", evidence]);
    const report = JSON.parse(run.stdout) as VerifyReport;
    const bad = report.results.filter(({ verdict }) => verdict !== "pass" && verdict !== "skipped");
    expect(bad).toEqual([]);
    expect({ code: run.code, verdict: report.verdict, drift: report.drift }).toEqual({
      ...{ code: 0, verdict: "pass", drift: [] },
    });
    expect(existsSync(junit)).toBe(true);
    expect(readdirSync(evidence)).toContain("index.md");
    const twice = run.stderr.split("\n").filter((line) => line && run.stdout.includes(line));
    expect(twice).toEqual([]);
  });

  it("restores its policy after a verify that was killed during the flip", async () => {
    const policy = ["get", "authorizationpolicy", "appb-l7", "-o", "json"];
    const read = async () => JSON.parse(await lab.kubectl(policy)) as Policy;
    const original = JSON.stringify((await read()).spec);
    const running = project.lab(["verify", "authz-flip"]);
    const { pid } = await eventually(
      async () => {
        const kept = (await read()).metadata.annotations?.[annotationKeys.original];
        if (!kept) throw new Error("the policy is not changed yet");
        return (JSON.parse(kept) as { by: { pid: number } }).by;
      },
      { what: "the flip", deadlineMs: 120_000, intervalMs: 50, signal },
    );
    process.kill(pid, "SIGKILL");
    expect((await running).code).toBe(137);
    expect(JSON.stringify((await read()).spec)).not.toBe(original);
    const next = await project.lab(["verify", "authz-methods"]);
    expect(next.stdout, next.stderr).toContain("was left changed by a run that died; it is restored");
    expect(next.code, next.stdout).toBe(0);
    const { spec, metadata } = await read();
    expect({ spec: JSON.stringify(spec), left: metadata.annotations?.[annotationKeys.original] }).toEqual({
      spec: original,
    });
    await project.ok(["preview", "--refresh", "--expect-no-changes"]);
  });

  describe("with every module", () => {
    const withModules = (names: string) => project.lab(["up", "--yes", "--config", `modules=[${names}]`]);

    it("passes each of them and the story", async () => {
      const on = await withModules(moduleNames.join(", "));
      lab = liveLab(labFacts(stack, readOutputs(await project.outputs())));
      expect(on.code, on.stderr.slice(-6000)).toBe(0);
    });

    it.each(moduleWorlds)("$name", broken);

    it("is the same lab after they are removed", async () => {
      const off = await withModules("");
      lab = liveLab(labFacts(stack, readOutputs(await project.outputs())));
      expect(off.code, off.stderr.slice(-6000)).toBe(0);
      await project.ok(["preview", "--refresh", "--expect-no-changes"]);
    });
  });

  describe("does not pass while it is broken", () => {
    it.each(liveWorlds)("$name", broken);
  });

  it("passes after all breaks are undone", async () => {
    await worldsToFile(outcomes);
    const run = await project.lab(["verify"]);
    expect(run.code, run.stdout).toBe(0);
  });

  it("is destroyed completely", async () => {
    const gone = await project.lab(["destroy", "--yes"]);
    expect(gone.code, gone.stderr.slice(-4000)).toBe(0);
    expect((await listNodes(exec, "{{.ID}}", cluster)).stdout).toBe("");
    const networks = await exec("docker", ["network", "ls", "--format", "{{.Name}}"]);
    expect(networks.stdout.split("\n")).not.toContain(cluster);
    expect(existsSync(join(project.home, "stacks", stack))).toBe(false);
    expect((await project.pulumi(["stack", "ls", "--json"])).stdout).toBe("[]");
  });
});

interface Policy {
  metadata: { annotations?: Record<string, string> };
  spec: unknown;
}
