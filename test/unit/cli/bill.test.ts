import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { describe, expect, test } from "vitest";
import { appBases } from "../../../cli/offline/bill";
import { run } from "../../../cli/run";
import { LabError } from "../../../host/errors";
import { fakeIo, ownLabHome } from "./world";

interface Entry {
  kind: string;
  name: string;
  version: string;
  source: string;
  licence: string;
  platforms: string[];
}

const manifest = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: quay.io/example/thing:v1\n";

async function bill(fetcher: (address: string) => Promise<Buffer>) {
  ownLabHome();
  const io = fakeIo({ fetcher });
  expect(await run(["bill", "--json"], io)).toBe(0);
  return { entries: JSON.parse(io.out()) as Entry[], notes: io.err() };
}

describe("bill", () => {
  test("lists everything with version, source, licence and platforms", async () => {
    const { entries, notes } = await bill(async () => Buffer.from(manifest));
    // What comes is not the file of the pinned digest.
    const unlisted = [...notes.matchAll(/^! The images of (\S+) are not listed/gm)].map(([, name]) => name);
    expect(unlisted.sort()).toEqual(["gateway-api", "metallb"]);
    for (const { name, version, source, licence, kind, platforms } of entries) {
      expect({ name, ok: Boolean(name && version && source && licence) }).toEqual({ name, ok: true });
      expect(platforms.length > 0, name).toBe(kind !== "chart" && kind !== "manifest");
    }
    const names = (kind: string) => entries.filter((each) => each.kind === kind).map(({ name }) => name);
    expect(names("chart")).toEqual(["base", "istiod", "cni", "ztunnel"]);
    expect(names("tool")).toEqual(["pulumi", "kind"]);
    expect(names("plugin")).toEqual(["kubernetes", "docker", "command", "tls"]);
    expect(names("image")).toEqual(
      expect.arrayContaining([
        ...["kindest/node", "docker.io/istio/ztunnel", "quay.io/example/thing"],
        "registry.k8s.io/e2e-test-images/agnhost",
      ]),
    );
  });

  test("lists the rest when the manifests cannot be read, and says which images it does not know", async () => {
    const { entries, notes } = await bill(async (address) => {
      throw new LabError({ what: `Cannot download ${address}`, why: "no network", fix: "none" });
    });
    expect(entries.some(({ name }) => name === "docker.io/istio/pilot")).toBe(true);
    expect(notes).toContain("The images of kiali are not listed. Cannot download https://");
  });

  test("prints platforms, and digests where they are known on this machine", async () => {
    ownLabHome();
    const io = fakeIo({ fetcher: async () => Buffer.from(manifest) });
    expect(await run(["bill"], io)).toBe(0);
    expect(io.out()).toContain("images  (linux/amd64, linux/arm64)\n");
    expect(io.out()).toContain("tools  (darwin/amd64, darwin/arm64, linux/amd64, linux/arm64)\n");
    expect(io.out()).toMatch(/^ {2}kiali +\S+ +Apache-2\.0 +https:\S+kiali\.yaml +sha256:[0-9a-f]{12}…$/m);
    expect(io.out()).toMatch(/^ {2}kindest\/node +v1\S+ +Apache-2\.0 +named by kind +sha256:[0-9a-f]{12}…$/m);
    expect(io.out()).toMatch(
      /^ {2}docker\.io\/library\/registry +3\.0\.0 +Apache-2\.0 +named by imageCache +sha256:6c5666b861f3…$/m,
    );
  });

  test("prints a software bill of materials that CycloneDX's schema accepts, with every entry", async () => {
    const { entries } = await bill(async () => Buffer.from(manifest));
    const io = fakeIo({ fetcher: async () => Buffer.from(manifest) });
    expect(await run(["bill", "--sbom"], io)).toBe(0);
    const { JsonStrictValidator } = Validation;
    expect(await new JsonStrictValidator(Spec.Version.v1dot6).validate(io.out())).toBeNull();
    const components: { name: string; version: string; purl?: string }[] = JSON.parse(io.out()).components;
    const named = (each: { name: string; version: string }) => `${each.name} ${each.version}`;
    expect(components.map(named).sort()).toEqual(entries.map(named).sort());
    const purl = (name: string) => components.find((each) => each.name === name)?.purl;
    // Examples of package-url/purl-spec, types/oci-definition.md and types/docker-definition.md, with these names.
    expect(purl("kindest/node")).toMatch(
      /^pkg:oci\/node@sha256:[0-9a-f]{64}\?repository_url=docker\.io(?:\/|%2F)kindest(?:\/|%2F)node&tag=v1/,
    );
    expect(purl("docker.io/istio/ztunnel")).toMatch(/^pkg:docker\/istio\/ztunnel@1\.[^?]+$/);
    expect(purl("quay.io/example/thing")).toBe("pkg:docker/example/thing@v1?repository_url=quay.io");
  });

  test("reads what the apps' image is built on from its Dockerfile", () => {
    expect(appBases(`ARG A=x/y:1\nFROM \${A} AS a\nFROM --platform=linux/amd64 z:2\nRUN true\n`)).toEqual([
      "x/y:1",
      "z:2",
    ]);
  });
});
