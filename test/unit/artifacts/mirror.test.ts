import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../../artifacts/download";
import { artifactPath, fetchArtifacts } from "../../../artifacts/fetch";
import { writeWhole } from "../../../host/write-file";
import { billed, refusal, useArtifactHome } from "../../support/artifact-home";

const home = useArtifactHome();
const [base, kiali] = [billed("base"), billed("kiali")];
const manifest = "kind: Pod\nspec:\n  containers:\n  - image: quay.io/kiali/kiali:v1\n";

describe("a mirror or a folder", () => {
  const source = () => join(home.path, "bundle");

  async function bundle(files: Record<string, string>, sums = files) {
    const lines = Object.entries(sums).map(([path, content]) => `${sha256(content)}  ${path}\n`);
    writeWhole(join(source(), "SHA256SUMS"), lines.join(""));
    for (const [path, content] of Object.entries(files)) writeWhole(join(source(), path), content);
  }
  const fromFolder = (...names: string[]) => fetchArtifacts({ source: source(), names });

  test("fetchArtifacts() takes charts and manifests from a folder with SHA256SUMS", async () => {
    await bundle({ [artifactPath(base)]: "chart", [artifactPath(kiali)]: manifest });
    const artifacts = await fromFolder("base", "kiali");
    expect(await readFile(artifacts.chart("base"), "utf8")).toBe("chart");
    expect(artifacts.images("kiali")).toEqual(["quay.io/kiali/kiali:v1"]);
  });

  test("fetchArtifacts() takes the same from a mirror's URL, with or without a slash at its end", async () => {
    home.server.answers.set("mirror/SHA256SUMS", { body: `${sha256("chart")} *./${artifactPath(base)}\n` });
    home.server.answers.set(`mirror/${artifactPath(base)}`, { body: "chart" });
    const artifacts = await fetchArtifacts({ source: `${home.server.url}/mirror/`, names: ["base"] });
    expect(await readFile(artifacts.chart("base"), "utf8")).toBe("chart");
  });

  test("fetchArtifacts() asks a mirror for nothing once everything is in the cache", async () => {
    home.server.answers.set("SHA256SUMS", { body: `${sha256("chart")}  ${artifactPath(base)}\n` });
    home.server.answers.set(artifactPath(base), { body: "chart" });
    await fetchArtifacts({ source: home.server.url, names: ["base"] });
    expect(home.server.asked).toEqual(["SHA256SUMS", artifactPath(base)]);
    await fetchArtifacts({ source: home.server.url, names: ["base"] });
    expect(home.server.asked).toHaveLength(2);
  });

  test("fetchArtifacts() refuses a file of the folder that SHA256SUMS does not promise", async () => {
    await bundle({ [artifactPath(base)]: "changed" }, { [artifactPath(base)]: "chart" });
    expect((await refusal(fromFolder("base"))).what).toContain(`not ${sha256("chart")}`);
  });

  test("fetchArtifacts() names the file that the folder lacks", async () => {
    await bundle({ [artifactPath(base)]: "chart" });
    expect((await refusal(fromFolder("kiali"))).what).toContain(artifactPath(kiali));
  });

  test("fetchArtifacts() refuses a file that SHA256SUMS does not name", async () => {
    await bundle({ [artifactPath(base)]: "chart" }, {});
    expect((await refusal(fromFolder("base"))).what).toContain("SHA256SUMS");
  });

  test("fetchArtifacts() names the SHA256SUMS that the folder lacks", async () => {
    expect((await refusal(fromFolder("base"))).what).toContain(join(source(), "SHA256SUMS"));
  });

  test("fetchArtifacts() prefers the folder to a cache of other bytes", async () => {
    writeWhole(home.cacheFile(base), "upstream");
    writeWhole(`${home.cacheFile(base)}.sha256`, sha256("upstream"));
    await bundle({ [artifactPath(base)]: "mirrored" });
    expect(await readFile((await fromFolder("base")).chart("base"), "utf8")).toBe("mirrored");
  });
});
