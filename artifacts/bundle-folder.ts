import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** A folder of charts and manifests, as `artifactSource` names it. One made by "lab bundle" holds images as well. */
export interface BundleFolder {
  /** Absolute path. */
  folder: string;
  /** The apps' image, where the folder has its archive. */
  appImage?: string;
}

/** Content of `bundle.json`. */
export interface BundleFacts {
  /** System and processor of the machine it was made for: `linux/amd64`. */
  platform: string;
  /** The apps' image in it. */
  appImage?: string;
  /** Parts that were left out on purpose. */
  without?: readonly string[];
}

/** Names of a bundle's own files. */
export const bundleFiles = { facts: "bundle.json", sums: "SHA256SUMS" } as const;

/** Whether `artifactSource` is an address of the web; else it is a folder. */
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

/** Facts of the bundle in a folder; undefined where it is none, or a folder made by hand. */
export function readFacts(folder: string): BundleFacts | undefined {
  const file = join(folder, bundleFiles.facts);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as BundleFacts) : undefined;
}

/** Path of an image's archive inside a bundle; components/scripts/image-get.sh computes the same. */
export function archivePath(ref: string): string {
  return `images/${tagged(ref).replaceAll(/[/:]/g, "_")}.tar`;
}

/** An image's reference without its digest: an archive keeps the tag alone. */
export function tagged(ref: string): string {
  return ref.replace(/@.*$/, "");
}

/** Digests by path, of the lines of a SHA256SUMS. */
export function parseSums(text: string): Map<string, string> {
  return new Map(
    text.split("\n").flatMap((line) => {
      const [, digest, path] = /^([0-9a-f]{64}) [ *](?:\.\/)?(.+)$/.exec(line) ?? [];
      return digest && path ? [[path, digest] as const] : [];
    }),
  );
}

/** The lines of a SHA256SUMS, in the order of their paths. */
export function formatSums(sums: ReadonlyMap<string, string>): string {
  const paths = [...sums.keys()].sort();
  return paths.map((path) => `${sums.get(path)}  ${path}\n`).join("");
}
