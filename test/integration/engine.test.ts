import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { istioImagesOf } from "../../config/image-names";
import { clusterState } from "../../host/cluster-state";
import { exec } from "../../host/exec";
import { listNodes } from "../../host/kind-nodes";
import { deleteCluster, removeFromDocker } from "../support/leftovers";
import { type Project, projectCopy, type Step } from "../support/pulumi-project";
import { artifactsAtHand, enginePrograms, requires } from "../support/skip";

/**
 * The real engine, plugins, Docker, kind and mesh: one lab from the first preview to nothing. The apps' image is built by
 * the program itself, from an image of the rig instead of public ones.
 */
const nodeImage = process.env.LAB_RIG_NODE_IMAGE ?? "kindest/node:v1.34.2-rig";
const appBase = "docker.io/ambient-lab/rig-httpbin:2";
const atHand = artifactsAtHand();
const skip = requires("engine", {
  docker: true,
  programs: [...enginePrograms, "kind"],
  images: [nodeImage, appBase, ...istioImagesOf(atHand.istioVersion)],
  artifacts: true,
});
const stack = "engine";
const cluster = `ambient-lab-${stack}`;

describe.skipIf(skip)("the lab on the real engine", () => {
  let project: Project;
  const get = (path: string, method = "GET") =>
    exec("docker", [
      "exec",
      `${cluster}-control-plane`,
      "kubectl",
      "--kubeconfig",
      "/etc/kubernetes/admin.conf",
      ...["exec", "deploy/appa", "--", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}"],
      ...["-X", method, `http://appb:8000${path}`],
    ]);
  const set = (...args: string[]) => project.ok(["config", "set", ...args]);

  beforeAll(async () => {
    await removeFromDocker(stack);
    project = await projectCopy(stack);
    // The lab's own folder proves to this process as well that the cluster is the lab's.
    process.env.AMBIENT_LAB_HOME = project.home;
    project.write("images/httpbin/Dockerfile", `FROM ${appBase}\nLABEL revision=1\n`);
    // An empty list has no form that "pulumi config set" would take.
    const config = { nodeImage, ...atHand, addons: [] };
    const own = Object.entries(config).map(([key, value]) => [`ambient-lab:${key}`, value]);
    project.write(`Pulumi.${stack}.yaml`, stringify({ config: Object.fromEntries(own) }));
    await project.ok(["stack", "init", stack]);
  });

  afterAll(async () => {
    if (!project) return;
    await project.pulumi(["destroy", "--yes", "--skip-preview"]);
    await removeFromDocker(stack);
    project.remove();
  });

  it("names every part in the preview from nothing, and makes nothing", async () => {
    const steps = await project.changes();
    const types = steps.filter(({ op }) => op === "create").map(({ type }) => type);
    for (const part of [
      "KindCluster",
      "Images",
      "AppImage",
      "MetalLb",
      "GatewayApi",
      "IstioAmbient",
      "DemoApps",
      "Ingress",
      "Waypoint",
      "Policies",
    ]) {
      expect(types.filter((type) => type.endsWith(`:${part}`))).toHaveLength(1);
    }
    expect(await clusterState(stack, exec)).toBe("absent");
  });

  it("comes up", async () => {
    await project.ok(["up", "--yes", "--skip-preview"]);
    expect(await clusterState(stack, exec)).toBe("running");
    const { url, settings } = (await project.outputs()) as { url: string; settings: { domain: string } };
    const status = ["-s", "-o", "/dev/null", "-w", "%{http_code}"];
    const fromHere = () => exec("curl", [...status, "-H", `Host: appb.${settings.domain}`, `${url}/get`]);
    // Nothing tells when kube-proxy has led the port to the gateway: a second after its pod is ready, mostly.
    await expect.poll(async () => (await fromHere()).stdout, { timeout: 10_000 }).toBe("200");
    expect((await get("/get")).stdout).toBe("200");
    expect((await get("/post", "POST")).stdout).toBe("403");
  });

  it("changes nothing when nothing changed, also after a refresh", async () => {
    await project.ok(["preview", "--expect-no-changes"]);
    await project.ok(["refresh", "--yes", "--skip-preview"]);
    await project.ok(["preview", "--expect-no-changes"]);
  });

  it("keeps its state small and free of credentials", async () => {
    const state = await project.ok(["stack", "export"]);
    expect(JSON.stringify(JSON.parse(state)).length).toBeLessThan(250_000);
    expect(state).not.toMatch(/BEGIN [A-Z ]*PRIVATE KEY|client-key-data|client-certificate-data/);
  });

  it("updates one AuthorizationPolicy when appa is taken out, and appa is refused", async () => {
    await set("--path", "allowedCallers[0]", "gateway");
    expect((await project.changes()).map(brief)).toEqual(["update policies-appb-l7"]);
    await project.ok(["up", "--yes", "--skip-preview"]);
    await expect.poll(async () => (await get("/get")).stdout, { timeout: 30_000 }).toBe("403");
    await project.ok(["config", "rm", "allowedCallers"]);
    await project.ok(["up", "--yes", "--skip-preview"]);
    await expect.poll(async () => (await get("/get")).stdout, { timeout: 30_000 }).toBe("200");
  });

  it("updates one VirtualService when the fault's share changes", async () => {
    await set("faultPercent", "30");
    expect((await project.changes()).map(brief)).toEqual(["update policies-appb-fault"]);
    await project.ok(["config", "rm", "faultPercent"]);
  });

  it("rolls the apps alone when the Dockerfile changes", async () => {
    project.write("images/httpbin/Dockerfile", `FROM ${appBase}\nLABEL revision=2\n`);
    const touched = (await project.changes()).map(({ name }) => name);
    const apps = ["app-build", "app-load", "apps-appa", "apps-appb", "apps-stranger", "apps-outsider"];
    expect(touched.filter((name) => !apps.includes(name))).toEqual([]);
    for (const name of ["app-build", "app-load", "apps-appa", "apps-appb"]) expect(touched).toContain(name);
    project.write("images/httpbin/Dockerfile", `FROM ${appBase}\nLABEL revision=1\n`);
  });

  it("says that another number of workers replaces the cluster", async () => {
    await set("workers", "1");
    const steps = (await project.changes()).filter(({ name }) => name === "cluster-kind");
    expect(steps.map(({ op }) => op).join()).toContain("replace");
    expect(
      steps.flatMap(({ replaceReasons = [], diffReasons = [] }) => [...replaceReasons, ...diffReasons]).join(),
    ).toContain("triggers");
    await project.ok(["config", "rm", "workers"]);
  });

  it("keeps its cluster when another node image cannot be had", async () => {
    await set("nodeImage", "registry.invalid/node:v1.34.2");
    const up = await project.pulumi(["up", "--yes", "--skip-preview"]);
    expect(up.code).not.toBe(0);
    expect(up.stdout + up.stderr).toContain('What  Cannot pull "registry.invalid/node:v1.34.2"');
    expect((await get("/get")).stdout).toBe("200");
    await set("nodeImage", nodeImage);
    await project.ok(["up", "--yes", "--skip-preview"]);
    await project.ok(["preview", "--expect-no-changes"]);
    expect((await get("/get")).stdout).toBe("200");
  });

  it("refuses to update over a cluster that was deleted by hand, and says what to do", async () => {
    await deleteCluster(cluster);
    const preview = await project.pulumi(["preview"]);
    expect(preview.code).not.toBe(0);
    expect(preview.stdout + preview.stderr).toContain(`The kind cluster "${cluster}" of this stack is gone`);
  });

  it("is made anew by the lab's own up", async () => {
    const up = await project.lab(["up", "--yes", "--no-verify"]);
    expect(up.code, up.stderr.slice(-4000)).toBe(0);
    expect((await get("/get")).stdout).toBe("200");
    await project.ok(["preview", "--expect-no-changes"]);
    await deleteCluster(cluster);
  });

  it("is destroyed without a trace, although its cluster is gone", async () => {
    await project.ok(["destroy", "--yes", "--skip-preview"]);
    expect((await listNodes(exec, "{{.ID}}", cluster)).stdout).toBe("");
    expect((await exec("docker", ["network", "ls", "--format", "{{.Name}}"])).stdout.split("\n")).not.toContain(
      cluster,
    );
    expect(filesBelow(join(project.home, "stacks"))).toEqual([]);
  });
});

const brief = ({ op, name }: Step) => `${op} ${name}`;

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive: true }).map(String);
  return names.filter((name) => statSync(join(folder, name)).isFile());
}
