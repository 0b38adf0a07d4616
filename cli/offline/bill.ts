import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Fetcher } from "../../artifacts/download";
import { cachedArtifact, fetchArtifacts } from "../../artifacts/fetch";
import { cacheImage, istioImagesOf } from "../../config/image-names";
import type { LabConfig } from "../../config/schema";
import { type BillArtifact, nodePlatforms, pluginNames, tools } from "../../config/versions";
import { LabError } from "../../host/errors";
import { imagesOfModule, moduleNames } from "../../modules/index";

/** A download of the lab. */
export interface BillEntry {
  kind: "chart" | "manifest" | "tool" | "plugin" | "image";
  name: string;
  version: string;
  /** Upstream URL, or image reference. */
  source: string;
  /** SPDX expression. */
  licence: string;
  /** Platforms with a file of their own; empty when it is independent of the platform. */
  platforms: readonly string[];
  /** SHA-256 or manifest digest, if it is known on this machine. */
  digest?: string;
  /** The chart, manifest or folder that names the image. */
  of?: string;
}

const hostPlatforms = nodePlatforms.flatMap((platform) => [platform, platform.replace("linux", "darwin")]).sort();

/** The entries of the bill: the given artifacts and images, and all tools and plugins. */
export function billEntries(artifacts: readonly BillArtifact[], images: readonly BillImage[]): BillEntry[] {
  return [
    ...artifacts.map(({ kind, name, version, upstream, licence, sha256 }): BillEntry => {
      const recorded = `${cachedArtifact({ kind, name, version })}.sha256`;
      const known = existsSync(recorded) ? readFileSync(recorded, "utf8").trim() : sha256;
      const digest = known ? `sha256:${known}` : undefined;
      return { kind, name, version, source: upstream, licence, platforms: [], digest };
    }),
    ...Object.values(tools).map((tool) => programEntry("tool", tool)),
    ...billPlugins().map((plugin) => programEntry("plugin", plugin)),
    ...images.map(imageEntry),
  ];
}

const programEntry = (kind: "tool" | "plugin", { upstream, ...program }: BillPlugin): BillEntry => ({
  ...{ kind, ...program, source: upstream, platforms: hostPlatforms },
});

function imageEntry({ ref, of, licence }: BillImage): BillEntry {
  const [tagged = ref, digest] = ref.split("@");
  const colon = tagged.lastIndexOf(":");
  const [name, version] = [tagged.slice(0, colon), tagged.slice(colon + 1)];
  return { kind: "image", name, version, source: ref, licence, platforms: nodePlatforms, of, digest };
}

/** An image that the lab runs, or from which it builds. */
export interface BillImage {
  ref: string;
  /** The chart, manifest or folder that names it. */
  of: string;
  licence: string;
  /** Whether a node runs it. The others are base images of the apps' image, and the registry cache. */
  runs: boolean;
}

/** Folder of the apps' Dockerfile. */
export const appFolder = join(__dirname, "../../images/httpbin");

/** Images that are not named by a manifest. */
export function ownImages({ nodeImage, istioVersion }: Pick<LabConfig, "nodeImage" | "istioVersion">): BillImage[] {
  const dockerfile = readFileSync(join(appFolder, "Dockerfile"), "utf8");
  return [
    { ref: nodeImage, of: "kind", licence: "Apache-2.0", runs: true },
    ...istioImagesOf(istioVersion).map((ref) => ({ ref, of: "istio", licence: "Apache-2.0", runs: true })),
    ...moduleNames.flatMap((module) =>
      imagesOfModule(module, istioVersion).map((ref) => ({
        ...{ ref, of: `module ${module}`, licence: "Apache-2.0", runs: true },
      })),
    ),
    { ref: cacheImage, of: "imageCache", licence: "Apache-2.0", runs: false },
    ...appBases(dockerfile).map((ref) => ({ ref, of: "images/httpbin", licence: baseLicence(ref), runs: false })),
  ];
}

/** Base images of a Dockerfile, with the defaults of its arguments. */
export function appBases(dockerfile: string): string[] {
  const defaults = new Map([...dockerfile.matchAll(/^ARG (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]));
  const named = [...dockerfile.matchAll(/^FROM (?:--\S+ )?(\S+)/gm)].map(([, ref = ""]) => ref);
  return named.map((ref) => ref.replace(/\$\{(\w+)\}/g, (text, name: string) => defaults.get(name) ?? text));
}

function baseLicence(ref: string): string {
  if (ref.includes("/golang:")) return "BSD-3-Clause";
  return ref.includes("/alpine:") ? "LicenseRef-Alpine-packages" : "MIT";
}

/** Images of a manifest, or the problem of reading it. */
export type ManifestImages = { artifact: BillArtifact } & ({ images: BillImage[] } | { unknown: LabError });

/** Reads the images of manifests, which are fetched unless they are in the cache. */
export async function manifestImages(
  manifests: readonly BillArtifact[],
  options: { source?: string; fetch: Fetcher },
): Promise<ManifestImages[]> {
  return Promise.all(
    manifests.map(async (artifact) => {
      const { name, licence } = artifact;
      try {
        const refs = (await fetchArtifacts({ ...options, bill: [artifact] })).images(name);
        return { artifact, images: refs.map((ref) => ({ ref, of: name, licence, runs: true })) };
      } catch (thrown) {
        if (thrown instanceof LabError) return { artifact, unknown: thrown };
        throw thrown;
      }
    }),
  );
}

/** The plugin of a Pulumi provider. */
export interface BillPlugin {
  name: string;
  version: string;
  /** Upstream folder of the release's files. */
  upstream: string;
  licence: string;
}

/** The lab's own package.json. */
export const labPackage = (): { name: string; version: string; dependencies: Record<string, string> } =>
  JSON.parse(readFileSync(join(__dirname, "../../package.json"), "utf8"));

/** The plugins that the engine loads, in the versions of package.json. */
export function billPlugins(): BillPlugin[] {
  const { dependencies } = labPackage();
  return pluginNames.map((name) => {
    const version = dependencies[`@pulumi/${name}`];
    if (!version) throw new RangeError(`package.json does not pin @pulumi/${name}`);
    const upstream = `https://github.com/pulumi/pulumi-${name}/releases/download/v${version}`;
    return { name, version, upstream, licence: "Apache-2.0" };
  });
}
