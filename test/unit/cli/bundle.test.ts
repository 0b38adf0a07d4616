import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeEach, describe, expect, test } from "vitest";
import { archivePath, readBundle } from "../../../artifacts/bundle-folder";
import { artifactPath } from "../../../artifacts/fetch";
import { run } from "../../../cli/run";
import { istioImages } from "../../../config/image-names";
import { artifacts, versions } from "../../../config/versions";
import { image as grpcImage } from "../../../modules/grpc/objects";
import { docker, mirror, mirrorFetcher } from "./fake-mirror";
import { checkout, fakeIo, ownLabHome } from "./world";

const settings =
  "config:\n  ambient-lab:appImage: registry.test/app:1\n  ambient-lab:artifactSource: https://mirror.test/\n";

describe("bundle", () => {
  let folder: string;
  let asked: string[];
  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), "lab-bundle-")), "b");
    asked = [];
    ownLabHome();
  });

  async function lab(args: string[], { files = mirror(), exec = docker(), stack = settings } = {}) {
    const io = fakeIo({
      root: checkout({ "Pulumi.alice.yaml": stack }),
      exec,
      fetcher: mirrorFetcher("https://mirror.test", files, asked),
    });
    const code = await run(["bundle", folder, "--stack", "alice", ...args], io);
    return { code, out: io.out(), err: io.err() };
  }
  const platform = ["--platform", "linux/amd64"];

  test("collects charts, manifests, tools, plugins and images, and is whole afterwards", async () => {
    const { code, out } = await lab([...platform, "--json"]);
    expect(code).toBe(0);
    const { files } = JSON.parse(out) as { files: string[] };
    expect(files).toEqual(expect.arrayContaining(artifacts.map(artifactPath)));
    expect(files).toEqual(expect.arrayContaining([...istioImages, "registry.test/kiali:1"].map(archivePath)));
    for (const file of files) expect(existsSync(join(folder, file)), file).toBe(true);
    expect(readBundle(folder)).toEqual({ folder, appImage: "registry.test/app:1" });
    expect(await lab(["--verify"])).toMatchObject({ code: 0, out: `${folder} is whole\n` });
  });

  test("packs the image of a module where the stack names it, and not elsewhere", async () => {
    const image = archivePath(grpcImage);
    const filesOf = (out: string) => (JSON.parse(out) as { files: string[] }).files;
    expect(filesOf((await lab([...platform, "--json"])).out)).not.toContain(image);
    const named = await lab([...platform, "--json"], { stack: `${settings}  ambient-lab:modules: [grpc]\n` });
    expect(filesOf(named.out)).toContain(image);
  });

  test("does not fetch twice what is there and right", async () => {
    await lab(platform);
    asked = [];
    const damaged = join(folder, "cli", "kind-linux-amd64");
    writeFileSync(damaged, "changed");
    const exec = docker();
    expect(await lab(platform, { exec })).toMatchObject({ code: 0 });
    expect(asked).toEqual(["cli/kind-linux-amd64.sha256sum", "cli/kind-linux-amd64"]);
    expect(exec.calls.filter((call) => call.startsWith("/bin/sh"))).toEqual([]);
    expect(readFileSync(damaged, "utf8")).toBe("kind");
  });

  test("names every missing and damaged piece", async () => {
    await lab(platform);
    rmSync(join(folder, archivePath("registry.test/kiali:1")));
    writeFileSync(join(folder, artifactPath({ kind: "chart", name: "cni", version: versions.istio })), "half");
    writeFileSync(
      join(folder, "SHA256SUMS"),
      readFileSync(join(folder, "SHA256SUMS"), "utf8").replace(/.*kind-l.*\n/g, ""),
    );
    const { code, out } = await lab(["--verify", "--json"]);
    expect(code).toBe(1);
    expect(JSON.parse(out).flaws).toEqual([
      { path: `charts/cni-${versions.istio}.tgz`, flaw: "damaged" },
      { path: "cli/kind-linux-amd64", flaw: "not promised" },
      { path: "cli/kind-linux-amd64.sha256sum", flaw: "not promised" },
      { path: "images/registry.test_kiali_1.tar", flaw: "missing" },
    ]);
  });

  test("continues after a piece that is not available, and reports all of them at the end", async () => {
    const files = mirror();
    files.delete(artifactPath({ kind: "manifest", name: "grafana", version: versions.istio }));
    const { code, err } = await lab(platform, { files, exec: docker("registry.test/jaeger:1") });
    expect(code).toBe(4);
    expect(err).toMatch(/What {2}Cannot download manifests\/grafana[\s\S]*What {2}Cannot pull it/);
    expect(existsSync(join(folder, archivePath("registry.test/kiali:1")))).toBe(true);
    expect(existsSync(join(folder, archivePath("registry.test/jaeger:1")))).toBe(false);
  });

  test("takes no plugin from another source that its SHA256SUMS does not promise", async () => {
    const path = "plugins/pulumi-resource-docker-v5.2.0-linux-amd64.tar.gz";
    const changed = mirror().set(path, gzipSync("another"));
    const { code, err } = await lab(platform, { files: changed });
    expect({ code, err }).toMatchObject({
      code: 4,
      err: expect.stringMatching(/docker-v5\.2\.0.* has SHA-256 .*, not /),
    });
    expect(existsSync(join(folder, path))).toBe(false);
    const sums = String(mirror().get("SHA256SUMS"));
    const silent = mirror().set("SHA256SUMS", sums.replace(/^.*pulumi-resource-docker-.*\n/gm, ""));
    expect((await lab(platform, { files: silent })).err).toContain(`SHA256SUMS does not name ${path}`);
    expect(existsSync(join(folder, path))).toBe(false);
    await lab(platform);
    expect(existsSync(join(folder, path))).toBe(true);
  });

  test("leaves out what is not wanted", async () => {
    const { out } = await lab([...platform, "--without", "images", "--without", "plugins", "--json"]);
    expect(new Set((JSON.parse(out).files as string[]).map((file) => file.split("/")[0]))).toEqual(
      new Set(["charts", "manifests", "cli"]),
    );
    expect((await lab([...platform, "--without", "everything"])).code).toBe(2);
  });

  test("knows at its check what was left out when it was made, and says so in what to do", async () => {
    await lab([...platform, "--without", "images", "--without", "plugins"]);
    expect(await lab(["--verify"])).toMatchObject({ code: 0, out: `${folder} is whole\n` });
    rmSync(join(folder, "cli", "kind-linux-amd64"));
    expect((await lab(["--verify"])).out).toContain(`lab -- bundle ${folder} --without plugins --without images\n`);
    await lab(platform);
    expect(JSON.parse(readFileSync(join(folder, "bundle.json"), "utf8"))).not.toHaveProperty("without");
  });

  test("is whole for a stack that has no image of the apps of its own", async () => {
    await lab(platform);
    const root = checkout({ "Pulumi.alice.yaml": `config:\n  ambient-lab:artifactSource: ${folder}\n` });
    const io = fakeIo({ root, exec: docker(), fetcher: mirrorFetcher("none", new Map()) });
    expect({ code: await run(["bundle", "--verify", folder, "--stack", "alice"], io), out: io.out() }).toEqual({
      code: 0,
      out: `${folder} is whole\n`,
    });
  });

  test("counts the pieces and their bytes, and reports a reason once", async () => {
    const files = mirror();
    files.delete("cli/kind-linux-amd64.sha256sum");
    const { code, err } = await lab(platform, { files });
    expect(code).toBe(4);
    expect(err).toMatch(/✓ {2}1\/\d\d charts\/base-1\.31\.\d\.tgz {2}\d+ B\n/);
    expect(err.match(/What {2}/g)).toHaveLength(1);
    expect(err).toMatch(/(\d+) of \d+ pieces are there; .* and --without cli does without it/);
    expect((await lab(platform)).err).toMatch(/✓ {2}1\/\d\d charts\/base-1\.31\.\d\.tgz {2}\d+ B {2}\(there\)/);
  });

  test("holds files that everybody may read, as Docker's archives are not", async () => {
    await lab(platform);
    for (const file of [archivePath(istioImages[0] ?? ""), "SHA256SUMS", "cli/kind-linux-amd64"])
      expect(statSync(join(folder, file)).mode & 0o044, file).toBe(0o044);
  });

  test("refuses to mix two platforms in one folder", async () => {
    await lab([...platform, "--without", "images"]);
    expect(await lab(["--platform", "darwin/arm64"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("is a bundle for linux/amd64"),
    });
  });
});
