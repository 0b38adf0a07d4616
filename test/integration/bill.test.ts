import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { artifactPath } from "../../artifacts/fetch";
import { baseValues, cniValues, istiodValues, ztunnelValues } from "../../components/istio-values";
import { daemonsOf, imagesOf, istioDaemonsOf, istioImagesOf } from "../../config/image-names";
import { platforms } from "../../config/schema";
import { artifactsOf } from "../../config/versions";
import { exec } from "../../host/exec";
import { moduleImagesOf } from "../../modules/index";
import { artifactsAtHand, requires } from "../support/skip";

const skip = requires("bill", { programs: ["helm"], artifacts: true });
const { artifactSource, ...chosen } = artifactsAtHand();
const { istioVersion } = chosen;
const artifacts = artifactsOf(chosen);
const istioImages = istioImagesOf(istioVersion);
const settings = { resources: "laptop", logLevel: "debug", tracing: true, modules: ["agentgateway"] } as const;
const values: Record<string, object> = {
  base: baseValues(),
  istiod: istiodValues(settings),
  cni: cniValues(settings),
  ztunnel: ztunnelValues(settings),
};

/** Images of every container of every pod template in some objects, wherever it lies. */
function podImages(objects: unknown): string[] {
  if (Array.isArray(objects)) return objects.flatMap(podImages);
  if (typeof objects !== "object" || objects === null) return [];
  return Object.entries(objects).flatMap(([key, value]) =>
    /^(init|ephemeral)?containers$/i.test(key) && Array.isArray(value)
      ? value.flatMap((container) => (typeof container?.image === "string" ? [container.image] : []))
      : podImages(value),
  );
}
/** Images of the pods that the control plane runs as well. */
const daemonImages = (objects: readonly unknown[]) => {
  const isDaemonSet = (object: unknown) => (object as { kind?: string } | null)?.kind === "DaemonSet";
  return [...new Set(podImages(objects.filter(isDaemonSet)))].sort();
};
const objectsOf = (yaml: string) => parseAllDocuments(yaml).map((document): unknown => document.toJS());
const file = (path: string) => join(artifactSource, path);

describe.skipIf(skip)("the real charts and manifests", () => {
  const rendered = new Map<string, unknown[]>();

  beforeAll(async () => {
    for (const artifact of artifacts.filter(({ kind }) => kind === "chart")) {
      const { code, stdout, stderr } = await exec(
        "helm",
        ["template", artifact.name, file(artifactPath(artifact)), "--namespace", "istio-system", "--values", "-"],
        { input: JSON.stringify(values[artifact.name]) },
      );
      if (code !== 0) throw new Error(stderr);
      rendered.set(artifact.name, objectsOf(stdout));
    }
  });

  test("a chart makes pods of no image that is not on the bill", () => {
    const named = [...rendered.values()].flatMap(podImages);
    expect(named.length).toBeGreaterThanOrEqual(3);
    expect(named.filter((image) => !istioImages.includes(image))).toEqual([]);
  });

  test("istiod makes gateways and waypoints of images that are on the bill", () => {
    const [injector] = (rendered.get("istiod") ?? []).flatMap((object) => {
      const { kind, metadata, data } = (object ?? {}) as Record<string, Record<string, string>>;
      return String(kind) === "ConfigMap" && metadata?.name === "istio-sidecar-injector" ? [data?.values ?? ""] : [];
    });
    const { global } = JSON.parse(injector ?? "{}");
    const image = (name: string) => `${global.hub}/${name}:${global.tag}-${global.variant}`;
    expect(istioImages).toContain(image(global.proxy.image));
    expect(moduleImagesOf(["agentgateway"], istioVersion)).toEqual([image("agentgateway")]);
  });

  test.each([...platforms.map((platform) => [platform, 0] as const), ["eks", 1] as const])(
    "the charts' own word on the platform %s is exit code %i",
    async (platform, expected) => {
      const chart = file(artifactPath({ kind: "chart", name: "cni", version: istioVersion }));
      const input = JSON.stringify(cniValues({ ...settings, platform }));
      const { code } = await exec("helm", ["template", "cni", chart, "--values", "-"], { input });
      expect(code).toBe(expected);
    },
  );

  test("no image of Istio is on the bill for nothing", () => {
    const used = [...rendered.values()].flatMap(podImages);
    const idle = istioImages.filter((image) => !used.includes(image) && !image.includes("/proxyv2:"));
    expect(idle).toEqual([]);
  });

  test("every node gets the images of Istio's DaemonSets", () => {
    expect(istioDaemonsOf(istioVersion).sort()).toEqual(daemonImages([...rendered.values()].flat()));
  });

  test.each(artifacts.filter(({ kind }) => kind === "manifest"))("the bill has every image of $name", (artifact) => {
    const manifest = readFileSync(file(artifactPath(artifact)), "utf8");
    const objects = objectsOf(manifest);
    expect(imagesOf(manifest)).toEqual([...new Set(podImages(objects))].sort());
    expect(daemonsOf(manifest)).toEqual(daemonImages(objects));
  });
});
