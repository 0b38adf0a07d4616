import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Fetcher } from "../../../artifacts/download";
import { fetchArtifacts } from "../../../artifacts/fetch";
import { cacheImage, istioImagesOf } from "../../../config/image-names";
import type { LabConfig } from "../../../config/schema";
import type { BillArtifact } from "../../../config/versions";
import { LabError } from "../../../host/errors";
import { imagesOfModule, moduleNames } from "../../../modules/index";

/** An image that the lab runs or builds on. */
export interface BillImage {
  ref: string;
  /** Who names it. */
  of: string;
  licence: string;
  /** Whether a node runs it; the apps' image is built on the others, and one caches registries. */
  runs: boolean;
}

/** Folder of the apps' image: its Dockerfile names what it is built on. */
export const appFolder = join(__dirname, "../../../images/httpbin");

/** Images that are named here and not in a manifest. */
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

/** What a Dockerfile is built on, with its arguments' defaults put in. */
export function appBases(dockerfile: string): string[] {
  const defaults = new Map([...dockerfile.matchAll(/^ARG (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]));
  const named = [...dockerfile.matchAll(/^FROM (?:--\S+ )?(\S+)/gm)].map(([, ref = ""]) => ref);
  return named.map((ref) => ref.replace(/\$\{(\w+)\}/g, (text, name: string) => defaults.get(name) ?? text));
}

function baseLicence(ref: string): string {
  if (ref.includes("/golang:")) return "BSD-3-Clause";
  return ref.includes("/alpine:") ? "LicenseRef-Alpine-packages" : "MIT";
}

/** Images of one manifest, or the reason why nobody can tell them now. */
export type ManifestImages = { artifact: BillArtifact } & ({ images: BillImage[] } | { unknown: LabError });

/** Reads the images that the manifests name: from the cache, else from where artifacts come from. */
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
