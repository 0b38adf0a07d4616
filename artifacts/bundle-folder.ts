import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** A folder of charts and manifests that `artifactSource` names. A folder made by `lab bundle` holds images as well. */
export interface BundleFolder {
  /** Absolute path. */
  folder: string;
  /** Reference of the apps' image, if the folder has its archive. */
  appImage?: string;
}

/** Content of `bundle.json`. */
export interface BundleFacts {
  /** Operating system and processor that the bundle is for: `linux/amd64`. */
  platform: string;
  /** Reference of the apps' image in the bundle. */
  appImage?: string;
  /** Parts that `--without` left out. */
  without?: readonly string[];
}

/** Names of a bundle's own files. */
export const bundleFiles = { facts: "bundle.json", sums: "SHA256SUMS" } as const;

/** Whether `artifactSource` is a URL of a mirror; otherwise it is a folder. */
export function isWeb(source: string): boolean {
  return /^https?:/.test(source);
}

/** The folder that `artifactSource` names; undefined for a mirror. */
export function readBundle(source: string): BundleFolder | undefined {
  if (isWeb(source)) return undefined;
  const folder = resolve(source);
  const appImage = readFacts(folder)?.appImage;
  const there = appImage && existsSync(join(folder, archivePath(appImage)));
  return { folder, ...(there ? { appImage } : {}) };
}

/** Content of `bundle.json`; undefined for a folder that `lab bundle` did not make. */
export function readFacts(folder: string): BundleFacts | undefined {
  const file = join(folder, bundleFiles.facts);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as BundleFacts) : undefined;
}

/** Path of an image's archive inside a bundle; components/scripts/image-get.sh computes the same. */
export function archivePath(ref: string): string {
  return `images/${tagged(ref).replaceAll(/[/:]/g, "_")}.tar`;
}

/** An image reference without its digest: an archive keeps only the tag. */
export function tagged(ref: string): string {
  return ref.replace(/@.*$/, "");
}

/** Reads a SHA256SUMS file into digests by path. */
export function parseSums(text: string): Map<string, string> {
  return new Map(
    text.split("\n").flatMap((line) => {
      const [, digest, path] = /^([0-9a-f]{64}) [ *](?:\.\/)?(.+)$/.exec(line) ?? [];
      return digest && path ? [[path, digest] as const] : [];
    }),
  );
}

/** Text of a SHA256SUMS file, sorted by path. */
export function formatSums(sums: ReadonlyMap<string, string>): string {
  const paths = [...sums.keys()].sort();
  return paths.map((path) => `${sums.get(path)}  ${path}\n`).join("");
}
