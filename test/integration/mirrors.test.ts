import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { script } from "../../components/script";
import { exec } from "../../host/exec";
import { type Registry, startRegistry } from "../support/registry";
import { requires } from "../support/skip";

const repository = join(__dirname, "..", "..");
const skip = requires("mirrors", { docker: true, programs: ["go"] });
const image = "registry.test/lab/tiny:1";

/** The real script, real Docker and real registries: an upstream, and a pull-through cache before it. */
describe.skipIf(skip)("a mirror of images", () => {
  const folder = mkdtempSync(join(tmpdir(), "ambient-lab-mirrors-"));
  let upstream: Registry;
  let cache: Registry;

  const docker = async (...args: string[]) => {
    const result = await exec("docker", args, { timeoutMs: 120_000 });
    if (result.code !== 0) throw new Error(result.stderr);
    return result.stdout;
  };
  const pull = (mirror: Registry, ref = image) =>
    exec("/bin/sh", ["-c", script("image-get", "images-pull")], {
      cwd: repository,
      env: { IMAGES: ref, MIRRORS: `registry.test=http://${mirror.host}`, CACHES: "", BUNDLE: "", PLATFORM: "" },
      timeoutMs: 120_000,
    });
  const forget = (...hosts: Registry[]) =>
    exec("docker", ["rmi", "--force", image, ...hosts.map(({ host }) => `${host}/lab/tiny:1`)]);

  beforeAll(async () => {
    mkdirSync(join(folder, "image"));
    writeFileSync(join(folder, "image", "file"), "x".repeat(100_000));
    writeFileSync(join(folder, "image", "Dockerfile"), "FROM scratch\nCOPY file /file\n");
    upstream = await startRegistry(join(folder, "upstream"));
    cache = await startRegistry(join(folder, "cache"), upstream);
    await docker("build", "--tag", `${upstream.host}/lab/tiny:1`, join(folder, "image"));
    await docker("push", `${upstream.host}/lab/tiny:1`);
    await forget(upstream);
  });

  afterAll(async () => {
    if (cache) await forget(upstream, cache);
    await cache?.stop();
    await upstream?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("gives an image under its own name", async () => {
    expect(await pull(upstream)).toMatchObject({ code: 0, stdout: "1" });
    expect(await docker("image", "inspect", "--format", "{{index .RepoTags}}", image)).toContain(image);
    await forget(upstream);
  });

  it("may be a pull-through cache, which gives it when its registry is gone", async () => {
    expect(await pull(cache)).toMatchObject({ code: 0 });
    await forget(cache);
    await upstream.stop();
    expect(await pull(cache)).toMatchObject({ code: 0 });
    await forget(cache);
  });

  it("that lacks an image is named, with what to do", async () => {
    const { code, stderr } = await pull(cache, "registry.test/lab/absent:1");
    expect(code).not.toBe(0);
    expect(stderr).toMatch(
      new RegExp(`What {2}Cannot pull "${cache.host}/lab/absent:1": .*\\nWhy .*\\nFix .*imageMirrors`),
    );
  });

  it("whose blobs were changed is refused as such", async () => {
    const broken = await startRegistry(join(folder, "upstream"));
    for (const blob of readdirSync(join(broken.storage, "docker/registry/v2/blobs/sha256"), {
      recursive: true,
      withFileTypes: true,
    })) {
      const file = join(blob.parentPath, blob.name);
      // The layer is the only blob that gzip begins.
      if (blob.isFile() && (await exec("gzip", ["--test", file])).code === 0)
        writeFileSync(file, "y".repeat(statSync(file).size));
    }
    const { code, stderr } = await pull(broken);
    await broken.stop();
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/Why {3}The content does not have the expected digest/);
  });
});
