import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { tagged } from "../../artifacts/bundle-folder";
import { cacheImage } from "../../config/image-names";
import { exec } from "../../host/exec";
import { selfSigned } from "../support/certificate";
import { removeFromDocker } from "../support/leftovers";
import { registryProgram } from "../support/registry";
import { requires } from "../support/skip";
import { type StackCommands, stackCommands } from "../support/stack-commands";

/** The real scripts, real Docker and a real node: caches and a private CA, from an image at its registry to a node. */
const nodeImage = process.env.LAB_RIG_NODE_IMAGE ?? "kindest/node:v1.34.2-rig";
/** Has a shell, as the registry's own image has. */
const shellImage = "docker.io/ambient-lab/rig-httpbin:2";
const skip = requires("image-cache", {
  docker: true,
  programs: ["go", "kind", "openssl"],
  images: [nodeImage, shellImage],
});
const stack = "image-cache";
const network = `ambient-lab-${stack}`;
let networkId: string;
const cache = "ambient-lab-cache-registry.test";
const [upstream, secure] = [`${stack}-upstream`, "secure.test"];
const image = "registry.test/lab/tiny:1";
/** The registry of upstream, or one that is built here under its name, without upstream's digest. */
let registryImage: string = cacheImage;
const ctr = ["ctr", "--namespace", "k8s.io", "images"];

describe.skipIf(skip)("caches of registries, and a private CA", () => {
  const home = mkdtempSync(join(tmpdir(), "ambient-lab-cache-"));
  const caFile = join(home, "ca.pem");
  let commands: StackCommands;
  let caches: Record<string, string>;

  const docker = async (...args: string[]) => {
    const result = await exec("docker", args, { timeoutMs: 180_000 });
    if (result.code !== 0) throw new Error(`${result.command}: ${result.stderr}`);
    return result.stdout;
  };
  const has = async (ref: string) => (await exec("docker", ["image", "inspect", ref])).code === 0;
  const run = async (name: string, step: "create" | "delete" = "create", more: Record<string, string> = {}) => {
    const result = await commands.run(name, step, {
      ...caches,
      CACHE_IMAGE: registryImage,
      NETWORK_ID: networkId,
      ...more,
    });
    expect(result.code, result.stderr).toBe(0);
    return result.stdout;
  };
  const pullAnew = async () => {
    await exec("docker", ["rmi", "--force", image]);
    await run("images-pull-mesh", "create", { IMAGES: image });
  };
  /** As a node's containerd pulls: with the folder of hosts that kind's node images name in its configuration. */
  const nodePull = (ref: string) =>
    exec("docker", ["exec", `${network}-worker`, ...ctr, "pull", "--hosts-dir", "/etc/containerd/certs.d", ref], {
      timeoutMs: 120_000,
    });

  const removeAll = async () => {
    await removeFromDocker(stack);
    await exec("docker", ["rm", "--force", "--volumes", upstream, secure, cache]);
    await exec("docker", ["volume", "rm", cache]);
    await exec("docker", ["network", "rm", network]);
    await exec("docker", ["rmi", "--force", image]);
  };

  beforeAll(async () => {
    await removeAll();
    if (!(await has(cacheImage))) {
      registryImage = tagged(cacheImage);
      await buildRegistry(join(home, "registry"), docker);
    }
    await selfSigned(home, secure);
    networkId = await docker("network", "create", "--label", `ambient-lab.stack=${stack}`, network);
    await docker("run", "--detach", "--name", upstream, "--publish", "127.0.0.1::5000", registryImage);
    const at = await docker("port", upstream, "5000/tcp");
    await vi.waitFor(async () => expect((await fetch(`http://${at}/v2/`)).ok).toBe(true), { timeout: 30_000 });
    writeFileSync(join(home, "file"), "x".repeat(100_000));
    writeFileSync(join(home, "Dockerfile"), "FROM scratch\nCOPY file /file\n");
    await docker("build", "--tag", `${at}/lab/tiny:1`, "--file", join(home, "Dockerfile"), home);
    await docker("push", `${at}/lab/tiny:1`);
    await docker("rmi", `${at}/lab/tiny:1`);
    const address = await docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", upstream);
    caches = { CACHES: `registry.test=http://${address}:5000` };
    commands = await stackCommands(
      stack,
      { nodeImage, imageCache: true, caFile, workers: 1, appImage: image },
      { httpPort: 28_311, httpsPort: 18_311 },
      { AMBIENT_LAB_HOME: home },
    );
  });

  afterAll(async () => {
    await commands?.run("cluster-kind", "delete", { NETWORK_ID: networkId });
    await removeAll();
    if (registryImage !== cacheImage) await exec("docker", ["rmi", "--force", registryImage]);
    rmSync(home, { recursive: true, force: true });
  });

  it("runs on the loopback address alone, and is not made twice", async () => {
    expect(await run("image-cache-start")).toMatch(/^127\.0\.0\.1:\d+$/);
    const id = await docker("inspect", "--format", "{{.Id}}", cache);
    await run("image-cache-start");
    expect(await docker("inspect", "--format", "{{.Id}}", cache)).toBe(id);
  });

  it("lets in the nodes of a lab", async () => {
    await run("cluster-caches");
    await run("cluster-caches");
    await run("cluster-kind");
    expect(await nodePull(image)).toMatchObject({ code: 0 });
  });

  it("gives this machine an image when its registry is gone, also on another port", async () => {
    await pullAnew();
    await docker("stop", upstream);
    await pullAnew();
    await docker("restart", cache);
    await run("image-cache-start");
    await pullAnew();
    const names = await docker("image", "inspect", "--format", "{{json .RepoTags}}", image);
    expect(JSON.parse(names)).toEqual([image]);
  });

  it("is made anew with what it holds and where it is, when it is to be another", async () => {
    const id = await docker("inspect", "--format", "{{.Id}}", cache);
    writeFileSync(join(home, "other.pem"), "");
    await run("image-cache-start", "create", { CA_FILE: join(home, "other.pem") });
    expect(await docker("inspect", "--format", "{{.Id}}", cache)).not.toBe(id);
    await pullAnew();
    await docker("exec", `${network}-worker`, ...ctr, "rm", "--sync", image);
    expect(await nodePull(image)).toMatchObject({ code: 0 });
  });

  it("a registry of a private CA is trusted by the nodes", async () => {
    const tls = ["REGISTRY_HTTP_TLS_CERTIFICATE=/ca.pem", "REGISTRY_HTTP_TLS_KEY=/key.pem"];
    await docker(
      "create",
      "--name",
      secure,
      "--network",
      network,
      ...tls.flatMap((each) => ["--env", each]),
      registryImage,
    );
    for (const file of ["ca.pem", "key.pem"]) await docker("cp", join(home, file), `${secure}:/${file}`);
    await docker("start", secure);
    const { stderr } = await nodePull(`${secure}:5000/lab/absent:1`);
    expect(stderr).toMatch(/not found/);
    expect(stderr).not.toMatch(/x509|certificate/);
  });

  it("stays when the lab goes", async () => {
    await run("cluster-kind", "delete");
    await docker("rm", "--force", secure);
    await run("cluster-caches", "delete");
    await run("cluster-caches", "delete");
    await docker("network", "rm", network);
    expect(await docker("inspect", "--format", "{{.State.Running}}", cache)).toBe("true");
    await pullAnew();
  });
});

/** The registry as an image of its own, laid out as its project's. */
async function buildRegistry(folder: string, docker: (...args: string[]) => Promise<string>): Promise<void> {
  mkdirSync(folder);
  copyFileSync(await registryProgram(), join(folder, "registry"));
  const config = {
    version: 0.1,
    storage: { filesystem: { rootdirectory: "/var/lib/registry" } },
    http: { addr: ":5000" },
  };
  writeFileSync(join(folder, "config.yml"), JSON.stringify(config));
  const lines = [
    `FROM ${shellImage}`,
    // As in its project's image, there is a folder for certificates.
    "WORKDIR /etc/ssl/certs",
    "WORKDIR /",
    "COPY registry /usr/local/bin/registry",
    "COPY config.yml /etc/distribution/config.yml",
    "EXPOSE 5000",
    'ENTRYPOINT ["/usr/local/bin/registry"]',
    'CMD ["serve", "/etc/distribution/config.yml"]',
  ];
  writeFileSync(join(folder, "Dockerfile"), `${lines.join("\n")}\n`);
  await docker("build", "--tag", tagged(cacheImage), folder);
}
