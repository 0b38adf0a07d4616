import { existsSync, readFileSync } from "node:fs";
import { cachedArtifact } from "../../../artifacts/fetch";
import { type BillArtifact, nodePlatforms, tools } from "../../../config/versions";
import type { BillImage } from "./images";
import { billPlugins } from "./plugins";

/** One thing that the lab brings from outside. */
export interface BillEntry {
  kind: "chart" | "manifest" | "tool" | "plugin" | "image";
  name: string;
  version: string;
  /** Where it comes from when no mirror or folder replaces that. */
  source: string;
  /** SPDX expression. */
  licence: string;
  /** What it is there for; empty when it is the same everywhere. */
  platforms: readonly string[];
  /** SHA-256 or manifest digest, where it is known on this machine. */
  digest?: string;
  /** Who names it (an image). */
  of?: string;
}

const hostPlatforms = nodePlatforms.flatMap((platform) => [platform, platform.replace("linux", "darwin")]).sort();

/** The whole bill: of charts and manifests those given, images as they were found. */
export function billEntries(artifacts: readonly BillArtifact[], images: readonly BillImage[]): BillEntry[] {
  return [
    ...artifacts.map(({ kind, name, version, upstream, licence }): BillEntry => {
      const recorded = `${cachedArtifact({ kind, name, version })}.sha256`;
      const digest = existsSync(recorded) ? { digest: `sha256:${readFileSync(recorded, "utf8").trim()}` } : {};
      return { kind, name, version, source: upstream, licence, platforms: [], ...digest };
    }),
    ...Object.values(tools).map(
      ({ upstream, ...tool }): BillEntry => ({ kind: "tool", ...tool, source: upstream, platforms: hostPlatforms }),
    ),
    ...billPlugins().map(
      ({ upstream, ...plugin }): BillEntry => ({
        kind: "plugin",
        ...plugin,
        source: upstream,
        platforms: hostPlatforms,
      }),
    ),
    ...images.map(imageEntry),
  ];
}

function imageEntry({ ref, of, licence }: BillImage): BillEntry {
  const [tagged = ref, digest] = ref.split("@");
  const colon = tagged.lastIndexOf(":");
  const [name, version] = [tagged.slice(0, colon), tagged.slice(colon + 1)];
  const known = digest ? { digest } : {};
  return { kind: "image", name, version, source: ref, licence, platforms: nodePlatforms, of, ...known };
}
