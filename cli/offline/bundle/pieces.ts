import { readFile } from "node:fs/promises";
import { archivePath } from "../../../artifacts/bundle-folder";
import { artifactPath, cachedArtifact, fetchArtifacts } from "../../../artifacts/fetch";
import type { BillArtifact } from "../../../config/versions";
import { writeWhole } from "../../../host/write-file";
import { fetchRelease } from "../../toolchain/release";
import { tools } from "../../toolchain/tools";
import { type BillPlugin, billPlugins } from "../bill/plugins";
import { saveImage } from "./images";
import type { Platform } from "./platform";
import type { BundleWork } from "./work";

/** Parts of a bundle that can be left out. */
export const parts = ["charts", "cli", "plugins", "images"] as const;
export type Part = (typeof parts)[number];

/** One file of a bundle. */
export interface Piece {
  part: Part;
  /** Path inside the bundle. */
  path: string;
  /** Brings it to `file`; when this resolves it is whole. */
  bring(file: string): Promise<void>;
}

/** Charts and manifests, checked by the cache they come through. */
export function chartPieces(artifacts: readonly BillArtifact[], { fetch, source }: BundleWork): Piece[] {
  return artifacts.map((artifact) => ({
    part: "charts",
    path: artifactPath(artifact),
    async bring(file) {
      await fetchArtifacts({ fetch, bill: [artifact], ...(source ? { source } : {}) });
      writeWhole(file, await readFile(cachedArtifact(artifact)));
    },
  }));
}

/** Tools and the lists of their digests. */
export function cliPieces({ fetch, source, platform }: BundleWork): Piece[] {
  return tools.flatMap((tool): Piece[] => {
    const release = tool.release(platform.system);
    return [
      {
        part: "cli",
        path: `cli/${release.file}`,
        async bring(file) {
          writeWhole(file, (await fetchRelease(release, fetch, source)).bytes, release.packed ? 0o644 : 0o755);
        },
      },
      {
        part: "cli",
        path: `cli/${release.checksumsFile}`,
        async bring(file) {
          const address = source ? `${source}/cli/${release.checksumsFile}` : release.checksums;
          writeWhole(file, await fetch(address));
        },
      },
    ];
  });
}

/** Path of a plugin inside a bundle; also its name upstream. */
export function pluginPath({ name, version }: BillPlugin, platform: Platform): string {
  return `plugins/pulumi-resource-${name}-v${version}-${platform.dashed}.tar.gz`;
}

/** Plugins of the engine. Upstream has no list of their digests: the bundle's own holds them from here on. */
export function pluginPieces({ fetch, source, platform }: BundleWork): Piece[] {
  return billPlugins().map((plugin) => {
    const path = pluginPath(plugin, platform);
    const address = source ? `${source}/${path}` : `${plugin.upstream}/${path.replace("plugins/", "")}`;
    return { part: "plugins", path, bring: async (file) => writeWhole(file, await fetch(address)) };
  });
}

/** Images as archives of one platform. */
export function imagePieces(refs: readonly string[], work: BundleWork): Piece[] {
  return [...new Set(refs)].map((ref) => ({
    part: "images",
    path: archivePath(ref),
    bring: (file) => saveImage(ref, file, work),
  }));
}
