import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../artifacts/download";
import { imagesOf } from "../../config/image-names";
import { artifacts, artifactsOf, istioMinors, nodeImage, versions } from "../../config/versions";
import { exec } from "../../host/exec";
import { requires } from "../support/skip";

const skip = requires("pins", { programs: ["go"] });

/** Folder of a Go module of upstream at a version: its release's own files. */
async function moduleFolder(module: string, version: string): Promise<string> {
  const { code, stdout, stderr } = await exec("go", ["mod", "download", "-json", `${module}@${version}`], {
    ...{ cwd: "/", timeoutMs: 300_000 },
  });
  expect(code, stderr || stdout).toBe(0);
  return (JSON.parse(stdout) as { Dir: string }).Dir;
}

describe.skipIf(skip)("the pins are what upstream released", () => {
  test("the node image is the default of the pinned kind (pkg/apis/config/defaults/image.go)", async () => {
    const kind = await moduleFolder("sigs.k8s.io/kind", versions.kind);
    expect(readFileSync(join(kind, "pkg/apis/config/defaults/image.go"), "utf8")).toContain(`"${nodeImage}"`);
  });

  test("the manifest of the pinned MetalLB runs images of its version (config/manifests/metallb-native.yaml)", async () => {
    const metallb = await moduleFolder("go.universe.tf/metallb", versions.metallb);
    const manifest = readFileSync(join(metallb, "config/manifests/metallb-native.yaml"), "utf8");
    const images = ["controller", "speaker"].map((name) => `quay.io/metallb/${name}:${versions.metallb}`);
    expect(imagesOf(manifest)).toEqual(images);
    expect(sha256(manifest)).toBe(artifacts.find(({ name }) => name === "metallb")?.sha256);
  });

  test.each(istioMinors)("Istio $newest has definitions (istio.io/api)", async ({ newest }) => {
    const api = await moduleFolder("istio.io/api", `v${newest}`);
    expect(existsSync(join(api, "kubernetes/customresourcedefinitions.gen.yaml"))).toBe(true);
  });

  test.each(istioMinors)("the Gateway API $gatewayApi of Istio $minor is a bundle of that version", async (row) => {
    const folder = join(await moduleFolder("sigs.k8s.io/gateway-api", row.gatewayApi), "config/crd/standard");
    const files = readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8"));
    const definitions = files.filter((text) => /^kind: CustomResourceDefinition$/m.test(text));
    expect(definitions.length).toBeGreaterThan(4);
    for (const text of definitions) expect(text).toContain(`bundle-version: ${row.gatewayApi}\n`);
  });

  // The release's file: hack/build-install-yaml.sh.
  test.each(istioMinors)("the Gateway API $gatewayApi of Istio $minor has the pinned digest", async (row) => {
    const folder = await moduleFolder("sigs.k8s.io/gateway-api", row.gatewayApi);
    const read = (path: string) => readFileSync(join(folder, path), "utf8");
    const files = readdirSync(join(folder, "config/crd/standard")).filter((file) => /^gateway.*\.yaml$/.test(file));
    const parts = files.sort().map((file) => {
      const path = `config/crd/standard/${file}`;
      return `---\n#\n# ${path}\n#\n${read(path)}`;
    });
    const head = `${read("hack/boilerplate/boilerplate.sh.txt")}#\n# Gateway API Standard channel install\n#\n`;
    const bill = artifactsOf({ istioVersion: row.newest, metallbVersion: versions.metallb });
    expect(sha256(head + parts.join(""))).toBe(bill.find(({ name }) => name === "gateway-api")?.sha256);
  });
});
