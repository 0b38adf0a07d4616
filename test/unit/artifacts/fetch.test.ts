import { readFile, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { type Fetcher, fetcher, sha256 } from "../../../artifacts/download";
import { artifactPath, fetchArtifacts, plannedArtifacts } from "../../../artifacts/fetch";
import { daemonsOf, imagesOf } from "../../../config/image-names";
import { artifacts as bill, versions } from "../../../config/versions";
import { billed, refusal, useArtifactHome } from "../../support/artifact-home";

const home = useArtifactHome();
const [base, kiali] = [billed("base"), billed("kiali")];
const manifest =
  "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: quay.io/kiali/kiali:v1\n  - name: '{{ braces }}'\n";

/** Leads the upstream hosts' addresses to the test server; the request itself is real. */
const rerouted: Fetcher = (address) => fetcher(address.replace(/^https:\/\/[^/]+/, home.server.url));
const pathOf = (url: string) => new URL(url).pathname.slice(1);

function serveChart(content: string, digest = sha256(content)) {
  const folder = pathOf(base.upstream);
  const entry = { version: base.version, urls: [`base-${base.version}.tgz`], digest };
  const older = { version: "1.0.0", urls: ["base-1.0.0.tgz"], digest: sha256("older") };
  home.server.answers.set(`${folder}/index.yaml`, { body: stringify({ entries: { base: [older, entry] } }) });
  home.server.answers.set(`${folder}/base-${base.version}.tgz`, { body: content });
}

const fetchOne = (name: string) => fetchArtifacts({ names: [name], fetch: rerouted });

describe("charts from upstream", () => {
  test("fetchArtifacts() brings the pinned version of Helm's index and records its digest", async () => {
    serveChart("chart");
    const path = (await fetchOne("base")).chart("base");
    expect(path).toBe(home.cacheFile(base));
    expect(await readFile(path, "utf8")).toBe("chart");
    expect(await readFile(`${path}.sha256`, "utf8")).toBe(`${sha256("chart")}\n`);
  });

  test("fetchArtifacts() refuses a chart that is not the one of Helm's index", async () => {
    serveChart("changed", sha256("chart"));
    const error = await refusal(fetchOne("base"));
    expect(error.what).toContain(`has SHA-256 ${sha256("changed")}, not ${sha256("chart")}`);
    await expect(stat(home.cacheFile(base))).rejects.toThrow("ENOENT");
  });

  test("fetchArtifacts() names the version that Helm's index does not have", async () => {
    home.server.answers.set(`${pathOf(base.upstream)}/index.yaml`, { body: "entries: { base: [] }" });
    expect((await refusal(fetchOne("base"))).what).toContain(`no chart "base" in version ${base.version}`);
  });

  test.each([
    ["another chart is no list", "istiod: none"],
    ["another chart has a version without URLs", "istiod: [{ version: 1.0.0 }]"],
    ["an entry of another chart is empty", "istiod: [null]"],
    ["another version of the chart has no URLs", "base: [{ version: 1.0.0, urls: null }, ENTRY]"],
    ["another version of the chart is a number", "base: [{ version: 1.0, urls: [base-1.0.tgz] }, ENTRY]"],
  ])("fetchArtifacts() brings the chart where %s", async (_name, odd) => {
    serveChart("chart");
    const entry = `{ version: ${base.version}, urls: [base-${base.version}.tgz], digest: ${sha256("chart")} }`;
    const entries = odd.includes("ENTRY") ? odd.replace("ENTRY", entry) : `base: [${entry}]\n  ${odd}`;
    const body = `apiVersion: v1\nentries:\n  ${entries}\n`;
    home.server.answers.set(`${pathOf(base.upstream)}/index.yaml`, { body });
    expect(await readFile((await fetchOne("base")).chart("base"), "utf8")).toBe("chart");
  });

  test.each([
    ["no URLs", `{ version: ${base.version} }`],
    ["an empty list of URLs", `{ version: ${base.version}, urls: [] }`],
    ["a malformed URL", `{ version: ${base.version}, urls: ["https://["] }`],
  ])("fetchArtifacts() refuses an entry of the chart with %s", async (_name, entry) => {
    const body = `entries: { base: [${entry}] }`;
    home.server.answers.set(`${pathOf(base.upstream)}/index.yaml`, { body });
    expect((await refusal(fetchOne("base"))).what).toContain(`no chart "base" in version ${base.version}`);
  });

  test("fetchArtifacts() names an address that has no index", async () => {
    home.server.answers.set(`${pathOf(base.upstream)}/index.yaml`, { body: "<html>Log in</html>" });
    expect((await refusal(fetchOne("base"))).what).toContain("index.yaml is no index of charts");
  });

  test("fetchArtifacts() asks again after a failed read of Helm's index", async () => {
    await refusal(fetchOne("base"));
    serveChart("chart");
    expect((await fetchOne("base")).chart("base")).toBe(home.cacheFile(base));
  });
});

describe("manifests from upstream", () => {
  test("fetchArtifacts() names the address of a manifest that is not there", async () => {
    expect((await refusal(fetchOne("kiali"))).what).toMatch(/kiali\.yaml: HTTP 404/);
  });

  test("fetchArtifacts() takes no other bytes than those of the pinned digest from upstream, and others from a mirror", async () => {
    const metallb = billed("metallb");
    home.server.answers.set(pathOf(metallb.upstream), { body: manifest });
    expect((await refusal(fetchOne("metallb"))).what).toContain(
      `has SHA-256 ${sha256(manifest)}, not ${metallb.sha256}`,
    );
    await expect(stat(home.cacheFile(metallb))).rejects.toThrow("ENOENT");
    const path = artifactPath(metallb);
    home.server.answers.set(path, { body: manifest });
    home.server.answers.set("SHA256SUMS", { body: `${sha256(manifest)}  ${path}\n` });
    await fetchArtifacts({ names: ["metallb"], source: home.server.url });
    expect(await readFile(home.cacheFile(metallb), "utf8")).toBe(manifest);
  });

  test("fetchArtifacts() records no page of a proxy as a manifest", async () => {
    for (const body of ["<!DOCTYPE html>\n<title>Log in</title>\n", "Please log in\n"]) {
      home.server.answers.set(pathOf(kiali.upstream), { body });
      expect((await refusal(fetchOne("kiali"))).what).toContain(
        "kiali.yaml: the response is no manifest; it begins with",
      );
      await expect(stat(`${home.cacheFile(kiali)}.sha256`)).rejects.toThrow("ENOENT");
    }
  });

  test("fetchArtifacts() refuses half a manifest and leaves nothing in the cache", async () => {
    home.server.answers.set(pathOf(kiali.upstream), { cut: manifest });
    expect((await refusal(fetchOne("kiali"))).what).toContain("the connection broke");
    await expect(stat(home.cacheFile(kiali))).rejects.toThrow("ENOENT");
  });

  test("fetchArtifacts() takes a second lab from the cache, without a request", async () => {
    home.server.answers.set(pathOf(kiali.upstream), { body: manifest });
    const first = await fetchOne("kiali");
    const second = await fetchOne("kiali");
    expect(second.chart("kiali")).toBe(first.chart("kiali"));
    expect(home.server.asked).toEqual([pathOf(kiali.upstream)]);
  });

  test("fetchArtifacts() fetches a changed cache file again and checks it by the recorded digest", async () => {
    home.server.answers.set(pathOf(kiali.upstream), { body: manifest });
    await fetchOne("kiali");
    await writeFile(home.cacheFile(kiali), "tampered");
    await fetchOne("kiali");
    expect(await readFile(home.cacheFile(kiali), "utf8")).toBe(manifest);

    await writeFile(home.cacheFile(kiali), "tampered");
    home.server.answers.set(pathOf(kiali.upstream), { body: "replaced upstream" });
    expect((await refusal(fetchOne("kiali"))).what).toContain(`not ${sha256(manifest)}`);
  });
});

describe("wrapped manifests", () => {
  test("fetchArtifacts() wraps a manifest in a chart that prints it as it is", async () => {
    home.server.answers.set(pathOf(kiali.upstream), { body: manifest });
    const artifacts = await fetchOne("kiali");
    const folder = artifacts.chart("kiali");
    const chart = parse(await readFile(join(folder, "Chart.yaml"), "utf8"));
    expect(chart).toMatchObject({ apiVersion: "v2", name: "kiali", appVersion: kiali.version });
    expect(await readFile(join(folder, "files/manifest.yaml"), "utf8")).toBe(manifest);
    expect(await readFile(join(folder, "templates/manifest.yaml"), "utf8")).toBe(
      '{{ .Files.Get "files/manifest.yaml" }}\n',
    );
    expect(artifacts.images("kiali")).toEqual(["quay.io/kiali/kiali:v1"]);
    expect(basename(folder)).toBe(`kiali-${kiali.version}-${sha256(manifest).slice(0, 12)}`);
  });

  test("fetchArtifacts() uses no wrapped chart that was changed or added to", async () => {
    home.server.answers.set(pathOf(kiali.upstream), { body: manifest });
    const folder = (await fetchOne("kiali")).chart("kiali");
    await writeFile(join(folder, "files/manifest.yaml"), "changed");
    await writeFile(join(folder, "templates/added.yaml"), "kind: Pod\n");
    expect((await fetchOne("kiali")).chart("kiali")).toBe(folder);
    expect(await readFile(join(folder, "files/manifest.yaml"), "utf8")).toBe(manifest);
    await expect(stat(join(folder, "templates/added.yaml"))).rejects.toThrow("ENOENT");
  });

  test("fetchArtifacts() gives another path when the lab's settings change the manifest", async () => {
    home.server.answers.set(pathOf(kiali.upstream), { body: manifest });
    const plain = await fetchOne("kiali");
    const adapt = (name: string, text: string) => `${text}# ${name}\n`;
    const adapted = await fetchArtifacts({ names: ["kiali"], fetch: rerouted, adapt });
    expect(adapted.chart("kiali")).not.toBe(plain.chart("kiali"));
    expect(await readFile(join(adapted.chart("kiali"), "files/manifest.yaml"), "utf8")).toBe(`${manifest}# kiali\n`);
  });

  test("chart() refuses a name that was not asked for", async () => {
    serveChart("chart");
    const artifacts = await fetchOne("base");
    expect(() => artifacts.chart("kiali")).toThrow(RangeError);
  });
});

test("imagesOf() lists every container's image once, sorted, quoted or not", () => {
  const text =
    'a:\n- image: b/b:1\n  image: "a/a:2"\n  - name: x\n    image: b/b:1\n  # image: c/c:3\n  imagePullPolicy: Always\n';
  expect(imagesOf(text)).toEqual(["a/a:2", "b/b:1"]);
});

test("daemonsOf() lists the images of DaemonSets alone", () => {
  const documents = [
    "kind: Deployment\nimage: a/a:1\n",
    "kind: DaemonSet\nimage: b/b:1\n",
    "kind: Pod\nimage: b/b:1\n",
  ];
  expect(daemonsOf(documents.join("---\n"))).toEqual(["b/b:1"]);
  expect(daemonsOf(documents.join("--- # next\n"))).toEqual(["b/b:1"]);
  expect(daemonsOf("kind: List\nitems: []\n")).toEqual([]);
});

test("plannedArtifacts() names a path for the whole bill without a request", () => {
  const planned = plannedArtifacts({ istioVersion: versions.istio, metallbVersion: versions.metallb });
  for (const artifact of bill) expect(planned.chart(artifact.name)).toBe(home.cacheFile(artifact));
  expect(() => planned.chart("loki")).toThrow(RangeError);
});
