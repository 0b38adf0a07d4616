import { describe, expect, test } from "vitest";
import { appBases } from "../../../cli/bill/images";
import { run } from "../../../cli/run";
import { LabError } from "../../../errors";
import { fakeIo, ownLabHome } from "./world";

interface Entry {
  kind: string;
  name: string;
  version: string;
  source: string;
  licence: string;
  platforms: string[];
}

const manifest = "kind: Pod\nspec:\n  containers:\n  - image: quay.io/example/thing:v1\n";

async function bill(fetcher: (address: string) => Promise<Buffer>) {
  ownLabHome();
  const io = fakeIo({ fetcher });
  expect(await run(["bill", "--json"], io)).toBe(0);
  return { entries: JSON.parse(io.out()) as Entry[], notes: io.err() };
}

describe("bill", () => {
  test("lists everything with version, source, licence and platforms", async () => {
    const { entries, notes } = await bill(async () => Buffer.from(manifest));
    expect(notes).toBe("");
    for (const { name, version, source, licence, kind, platforms } of entries) {
      expect({ name, ok: Boolean(name && version && source && licence) }).toEqual({ name, ok: true });
      expect(platforms.length > 0, name).toBe(kind !== "chart" && kind !== "manifest");
    }
    const names = (kind: string) => entries.filter((each) => each.kind === kind).map(({ name }) => name);
    expect(names("chart")).toEqual(["base", "istiod", "cni", "ztunnel"]);
    expect(names("tool")).toEqual(["pulumi", "kind"]);
    expect(names("plugin")).toEqual(["kubernetes", "docker", "command"]);
    expect(names("image")).toEqual(
      expect.arrayContaining(["kindest/node", "docker.io/istio/ztunnel", "quay.io/example/thing"]),
    );
  });

  test("lists the rest when the manifests cannot be read, and says which images it does not know", async () => {
    const { entries, notes } = await bill(async (address) => {
      throw new LabError({ what: `Cannot download ${address}`, why: "no network", fix: "none" });
    });
    expect(entries.some(({ name }) => name === "docker.io/istio/pilot")).toBe(true);
    expect(notes).toContain("The images of kiali are not listed. Cannot download https://");
  });

  test("reads what the apps' image is built on from its Dockerfile", () => {
    expect(appBases(`ARG A=x/y:1\nFROM \${A} AS a\nFROM --platform=linux/amd64 z:2\nRUN true\n`)).toEqual([
      "x/y:1",
      "z:2",
    ]);
  });
});
