import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { artifactPath } from "../../../artifacts";
import { archivePath, readBundle } from "../../../bundle-folder";
import { run } from "../../../cli/run";
import { artifacts, istioImages } from "../../../versions";
import { docker, mirror, mirrorFetcher } from "./fake-mirror";
import { checkout, fakeIo, ownLabHome } from "./world";

const settings =
  "config:\n  ambient-lab:appImage: registry.test/app:1\n  ambient-lab:artifactSource: http://mirror.test/\n";

describe("bundle", () => {
  let folder: string;
  let asked: string[];
  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), "lab-bundle-")), "b");
    asked = [];
    ownLabHome();
  });

  async function lab(args: string[], { files = mirror(), exec = docker() } = {}) {
    const io = fakeIo({
      root: checkout({ "Pulumi.alice.yaml": settings }),
      exec,
      fetcher: mirrorFetcher("http://mirror.test", files, asked),
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

  test("does not fetch twice what is there and right", async () => {
    await lab(platform);
    asked = [];
    const damaged = join(folder, "cli", "kind-linux-amd64");
    writeFileSync(damaged, "changed");
    const exec = docker();
    expect(await lab(platform, { exec })).toMatchObject({ code: 0 });
    expect(asked).toEqual(["cli/kind-linux-amd64.sha256sum", "cli/kind-linux-amd64"]);
    expect(exec.calls.filter((call) => call.startsWith("docker save"))).toEqual([]);
    expect(readFileSync(damaged, "utf8")).toBe("kind");
  });

  test("names every missing and damaged piece", async () => {
    await lab(platform);
    rmSync(join(folder, archivePath("registry.test/kiali:1")));
    writeFileSync(join(folder, artifactPath({ kind: "chart", name: "cni", version: "1.31.1" })), "half");
    writeFileSync(
      join(folder, "SHA256SUMS"),
      readFileSync(join(folder, "SHA256SUMS"), "utf8").replace(/.*kind-l.*\n/g, ""),
    );
    const { code, out } = await lab(["--verify", "--json"]);
    expect(code).toBe(1);
    expect(JSON.parse(out).flaws).toEqual([
      { path: "charts/cni-1.31.1.tgz", flaw: "damaged" },
      { path: "cli/kind-linux-amd64", flaw: "not promised" },
      { path: "cli/kind-linux-amd64.sha256sum", flaw: "not promised" },
      { path: "images/registry.test_kiali_1.tar", flaw: "missing" },
    ]);
  });

  test("goes on after a piece that cannot be had, and tells all of them at the end", async () => {
    const files = mirror();
    files.delete(artifactPath({ kind: "manifest", name: "grafana", version: "1.31.1" }));
    const { code, err } = await lab(platform, { files, exec: docker("registry.test/jaeger:1") });
    expect(code).toBe(4);
    expect(err).toMatch(/What {2}Cannot download manifests\/grafana[\s\S]*What {2}Cannot pull it/);
    expect(existsSync(join(folder, archivePath("registry.test/kiali:1")))).toBe(true);
    expect(existsSync(join(folder, archivePath("registry.test/jaeger:1")))).toBe(false);
  });

  test("leaves out what is not wanted", async () => {
    const { out } = await lab([...platform, "--without", "images", "--without", "plugins", "--json"]);
    expect(new Set((JSON.parse(out).files as string[]).map((file) => file.split("/")[0]))).toEqual(
      new Set(["charts", "manifests", "cli"]),
    );
    expect((await lab([...platform, "--without", "everything"])).code).toBe(2);
  });

  test("refuses to mix two platforms in one folder", async () => {
    await lab([...platform, "--without", "images"]);
    expect(await lab(["--platform", "darwin/arm64"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("is a bundle for linux/amd64"),
    });
  });
});
