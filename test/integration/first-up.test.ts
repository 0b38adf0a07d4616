import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { istioImagesOf } from "../../config/image-names";
import { tools } from "../../config/versions";
import { clusterState } from "../../host/cluster-state";
import { exec, firstOnPath } from "../../host/exec";
import { listNodes } from "../../host/kind-nodes";
import { clusterName } from "../../host/paths";
import { removeFromDocker } from "../support/leftovers";
import { type Project, projectCopy } from "../support/pulumi-project";
import { packedRelease, pulumiRelease } from "../support/pulumi-release";
import { startServer, type TestServer } from "../support/server";
import { artifactsAtHand, enginePrograms, requires } from "../support/skip";

/**
 * `npm run up` on a machine whose PATH has neither pulumi nor kind: both come from a server with the releases as upstream
 * packs them, the real programs in them, and make a lab.
 */
const nodeImage = process.env.LAB_RIG_NODE_IMAGE ?? "kindest/node:v1.34.2-rig";
const appImage = "docker.io/ambient-lab/rig-httpbin:2";
const { artifactSource: folder, ...chosen } = artifactsAtHand();
const skip = requires("first up", {
  docker: true,
  programs: [...enginePrograms, "pulumi-language-nodejs", "kind", "tar"],
  images: [nodeImage, appImage, ...istioImagesOf(chosen.istioVersion)],
  artifacts: true,
});
const stack = "first";

describe.skipIf(skip)("the first up of a machine without pulumi and kind", () => {
  let bin: string;
  let server: TestServer;
  let project: Project;
  const up = ["up", "--yes", "--config"];

  beforeAll(async () => {
    await removeFromDocker(stack);
    bin = mkdtempSync(join(tmpdir(), "ambient-lab-first-bin-"));
    // What a user has: docker, the system's programs, and here the engine's plugins, which it would download itself.
    for (const name of ["docker", ...enginePrograms.filter((each) => each !== "pulumi")])
      symlinkSync(firstOnPath(name, process.env) ?? "", join(bin, name));
    server = await startServer();
    offerArtifacts();
    await offerTools();
    const env = { PATH: `${bin}:/usr/bin:/bin`, PULUMI_HOME: join(bin, "pulumi-home") };
    project = await projectCopy(stack, { env });
    // The lab's own folder proves to this process as well that the cluster is the lab's.
    process.env.AMBIENT_LAB_HOME = project.home;
  }, 300_000);

  afterAll(async () => {
    await server?.close();
    if (!project) return;
    await project.lab(["destroy", "--yes"]);
    await removeFromDocker(stack);
    project.remove();
    rmSync(bin, { recursive: true, force: true });
  }, 300_000);

  function offerArtifacts(): void {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    for (const { parentPath, name } of files) {
      const file = join(parentPath, name);
      server.answers.set(file.slice(folder.length + 1), { body: readFileSync(file) });
    }
  }

  /** The releases by the names and contents of their recipes (test/support/pulumi-release.ts; kind: hack/release/build/cross.sh). */
  async function offerTools(): Promise<void> {
    const system = `linux-${process.arch}`;
    const content = (name: string) => {
      const path = firstOnPath(name, process.env);
      return path ? readFileSync(path) : "#!/bin/sh\nexit 1\n";
    };
    const pulumi = `pulumi-v${tools.pulumi.version}-${system}.tar.gz`;
    const kind = `kind-linux-${process.arch === "x64" ? "amd64" : "arm64"}`;
    const packed = await packedRelease(Object.fromEntries(pulumiRelease.map((name) => [name, content(name)])));
    offer(pulumi, `pulumi-${tools.pulumi.version}-checksums.txt`, packed);
    offer(kind, `${kind}.sha256sum`, readFileSync(firstOnPath("kind", process.env) ?? ""));
  }

  function offer(name: string, list: string, body: Buffer): void {
    const digest = createHash("sha256").update(body).digest("hex");
    server.answers.set(`cli/${name}`, { body });
    server.answers.set(`cli/${list}`, { body: `${digest}  ${name}\n` });
  }

  it("has neither before", async () => {
    const { stdout } = await project.lab(["doctor", "--json"]);
    const { findings } = JSON.parse(stdout) as { findings: { id: string; what: string }[] };
    for (const name of ["pulumi", "kind"])
      expect(findings.find(({ id }) => id === name)?.what).toMatch(/^none on the PATH; "up" brings /);
  });

  it("brings both and makes a lab that is proven", async () => {
    const mirror = "imageMirrors=[registry.test=https://mirror.test]";
    const lab = [`artifactSource=${server.url}`, `nodeImage=${nodeImage}`, `appImage=${appImage}`, "addons=[]", mirror];
    const versions = Object.entries(chosen).map(([key, version]) => `${key}=${version}`);
    const { code, stdout, stderr } = await project.lab([...up, ...lab, ...versions]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^Lab "first" is up: http:\/\/127\.0\.0\.1:\d+$/m);
    expect((await listNodes(exec, "{{.State}}", clusterName(stack))).stdout.split("\n")).toEqual([
      "running",
      "running",
      "running",
    ]);
    for (const name of [...pulumiRelease, "kind"]) expect(existsSync(join(project.home, "bin", name)), name).toBe(true);
    expect(server.asked.filter((path) => path.startsWith("cli/")).length).toBe(4);
  });

  it("has nodes whose containerd reads the mirrors", async () => {
    const node = `${clusterName(stack)}-worker`;
    expect((await exec("docker", ["exec", node, "containerd", "config", "dump"])).stdout).toMatch(
      /config_path = ["']\/etc\/containerd\/certs\.d["']/,
    );
    const hosts = await exec("docker", ["exec", node, "cat", "/etc/containerd/certs.d/registry.test/hosts.toml"]);
    expect(hosts.stdout).toContain('[host."https://mirror.test"]');
  });

  it("stays as it is when DOCKER_HOST or a context names the same Docker in another way", async () => {
    symlinkSync(join(project.home, "bin", "pulumi"), join(bin, "pulumi"));
    const before = { ...process.env };
    const other = "unix:///run/docker.sock";
    const changed = async () => (await project.changes()).map(({ op, name }) => `${op} ${name}`);
    try {
      expect(await changed()).toEqual([]);
      process.env.DOCKER_HOST = other;
      expect(await changed()).toEqual(["update docker"]);
      delete process.env.DOCKER_HOST;
      process.env.DOCKER_CONTEXT = "default";
      expect(await changed()).toEqual([]);
      process.env.DOCKER_CONFIG = join(bin, "docker-config");
      await exec("docker", ["context", "create", "other", "--docker", `host=${other}`]);
      process.env.DOCKER_CONTEXT = "other";
      expect(await changed()).toEqual(["update docker"]);
    } finally {
      process.env = before;
      rmSync(join(bin, "pulumi"));
    }
  });

  it("has both for the next command, and nothing is left after destroy", async () => {
    const asked = server.asked.length;
    const { code, stderr } = await project.lab(["destroy", "--yes"]);
    expect(code, stderr).toBe(0);
    expect(server.asked.length).toBe(asked);
    expect(await clusterState(stack, exec)).toBe("absent");
  });
});
