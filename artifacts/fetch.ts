import { existsSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import semver from "semver";
import { parse as parseYaml, stringify } from "yaml";
import { z } from "zod";
import { daemonsOf, imagesOf } from "../config/image-names";
import { artifactsOf, type BillArtifact, type ChosenVersions, artifacts as pinned } from "../config/versions";
import { UnfitError } from "../host/errors";
import { labHome } from "../host/paths";
import { writeWhole } from "../host/write-file";
import { type BundleFolder, bundleFiles, isWeb, parseSums, readBundle } from "./bundle-folder";
import { checkDigest, type Fetcher, fetcher, isGzip, sha256, unreachable } from "./download";

/** The charts and manifests of a lab on this machine. */
export interface Artifacts {
  /** Path of the packed chart, or of the chart folder that wraps the manifest. */
  chart(name: string): string;
  /** Images in a manifest; empty for a packed chart, whose images are in its values. */
  images(name: string): readonly string[];
  /** Those of {@link images} that DaemonSets run. */
  daemons(name: string): readonly string[];
  /** The folder that the artifacts come from; absent for a mirror or upstream. */
  bundle?: BundleFolder;
}

/** Options of {@link fetchArtifacts}. */
export interface ArtifactOptions {
  /** URL of a mirror, or a folder, that replaces the upstream hosts. */
  source?: string;
  /** @default the bill of the pinned Istio */
  bill?: readonly BillArtifact[];
  /** Names of the artifacts to fetch. @default the whole bill */
  names?: readonly string[];
  /** Changes a manifest to the lab's settings. */
  adapt?: (name: string, manifest: string) => string;
  /** PEM file of a private CA that signed the certificate of the source, or of a proxy. */
  caFile?: string;
  fetch?: Fetcher;
  /** Ends downloads that are under way. */
  signal?: AbortSignal;
}

/** Path of an artifact inside a bundle, a mirror and the cache. */
export function artifactPath({ kind, name, version }: Pick<BillArtifact, "kind" | "name" | "version">): string {
  return kind === "chart" ? `charts/${name}-${version}.tgz` : `manifests/${name}-${version}.yaml`;
}

/** Path of an artifact in the cache. The file with ".sha256" appended to this path holds its digest. */
export function cachedArtifact(artifact: Pick<BillArtifact, "kind" | "name" | "version">): string {
  return join(cacheDir(), artifactPath(artifact));
}

/**
 * Fetches every artifact into the cache, checks its digest, and wraps each manifest into a chart.
 * @throws LabError (exit code 4) when an artifact cannot be fetched or has another digest
 */
export async function fetchArtifacts(options: ArtifactOptions = {}): Promise<Artifacts> {
  const { adapt = (_, manifest) => manifest, source, caFile, bill = pinned } = options;
  const fetch = options.fetch ?? ((address: string) => fetcher(address, caFile, undefined, options.signal));
  const wanted = bill.filter(({ name }) => options.names?.includes(name) ?? true);
  const locate = source ? await mirrored(source, fetch) : upstream(fetch);
  const charts = new Map<string, string>();
  const manifests = new Map<string, string>();
  await Promise.all(
    wanted.map(async (artifact) => {
      const file = await cached(artifact, fetch, locate);
      if (artifact.kind === "chart") return charts.set(artifact.name, file);
      const manifest = adapt(artifact.name, await readFile(file, "utf8"));
      manifests.set(artifact.name, manifest);
      return charts.set(artifact.name, await wrapManifest(artifact, manifest));
    }),
  );
  return {
    chart: (name) => required(charts, name),
    images: (name) => imagesOf(manifests.get(name) ?? ""),
    daemons: (name) => daemonsOf(manifests.get(name) ?? ""),
    bundle: source ? readBundle(source) : undefined,
  };
}

/** The paths of {@link fetchArtifacts} without a download, and without the images of manifests: for `plan`. */
export function plannedArtifacts(chosen: ChosenVersions): Artifacts {
  const paths = new Map(artifactsOf(chosen).map((artifact) => [artifact.name, cachedArtifact(artifact)]));
  return { chart: (name) => required(paths, name), images: () => [], daemons: () => [] };
}

function required(map: ReadonlyMap<string, string>, name: string): string {
  const path = map.get(name);
  if (path === undefined) throw new RangeError(`Artifact "${name}" is not on the bill of config/versions.ts`);
  return path;
}

function cacheDir(): string {
  return join(labHome(), "cache");
}

/** Finds the address of an artifact, and its digest if the source lists one. */
interface Locate {
  /** Digest in the SHA256SUMS of a folder, which is read without a request. */
  promised?(artifact: BillArtifact): string;
  (artifact: BillArtifact): Promise<{ address: string; digest?: string }>;
}

/** A pinned or promised digest is checked; otherwise that of the first download is recorded. Either is checked at every use. */
async function cached(artifact: BillArtifact, fetch: Fetcher, locate: Locate): Promise<string> {
  const file = cachedArtifact(artifact);
  const recorded = existsSync(`${file}.sha256`) ? (await readFile(`${file}.sha256`, "utf8")).trim() : undefined;
  if (recorded && existsSync(file)) {
    const other = locate.promised?.(artifact) ?? recorded;
    if (sha256(await readFile(file)) === recorded && other === recorded) return file;
    await rm(file);
  }
  const { address, digest } = await locate(artifact);
  const bytes = await fetch(address);
  const expected = digest ?? recorded;
  if (expected) checkDigest(address, bytes, expected);
  else requireFormat(artifact.kind, address, bytes);
  writeWhole(file, bytes);
  writeWhole(`${file}.sha256`, `${sha256(bytes)}\n`);
  return file;
}

/**
 * Requires that a download without a known digest is a chart or a manifest. Otherwise the digest of a login page or an error
 * page would be recorded, and later downloads would be compared with it.
 * @throws LabError (exit code 4)
 */
function requireFormat(kind: BillArtifact["kind"], address: string, bytes: Buffer): void {
  if (kind === "chart" ? isGzip(bytes) : isManifest(bytes.toString("utf8"))) return;
  const begin = bytes.toString("utf8", 0, 40).replaceAll(/[^\x20-\x7e]/g, ".");
  throw unreachable(address, { reason: `the response is no ${kind}; it begins with "${begin}"` });
}

function isManifest(text: string): boolean {
  return !/^\s*</.test(text) && /^apiVersion:/m.test(text) && /^kind:/m.test(text);
}

/**
 * A bundle or mirror, whose SHA256SUMS must list every requested artifact. The list of a mirror is read only when an artifact
 * is not in the cache. The list of a folder is always read, because another folder may have other digests.
 */
async function mirrored(source: string, fetch: Fetcher): Promise<Locate> {
  const root = source.replace(/\/+$/, "");
  const read = async () => parseSums((await fetch(`${root}/${bundleFiles.sums}`)).toString("utf8"));
  const promisedBy = (digests: ReadonlyMap<string, string>) => (artifact: BillArtifact) => {
    const digest = digests.get(artifactPath(artifact));
    if (digest === undefined) throw lacking(`${root}/${bundleFiles.sums} does not name ${artifactPath(artifact)}`);
    return digest;
  };
  const address = (artifact: BillArtifact) => `${root}/${artifactPath(artifact)}`;
  if (isWeb(source)) {
    let pending: Promise<Map<string, string>> | undefined;
    return async (artifact) => {
      pending ??= read();
      return { address: address(artifact), digest: promisedBy(await pending)(artifact) };
    };
  }
  const promised = promisedBy(await read());
  const locate = async (artifact: BillArtifact) => ({ address: address(artifact), digest: promised(artifact) });
  return Object.assign(locate, { promised });
}

/**
 * The fields of a chart repository's index that are read (helm v3, pkg/repo/index.go, IndexFile). Only the entry of the
 * requested chart and version is validated.
 */
const indexSchema = z.object({ entries: z.record(z.string(), z.unknown()) });
const chartVersionsSchema = z.array(z.unknown()).catch([]);
const chartVersionSchema = z.object({
  version: z.string(),
  urls: z.array(z.string()),
  digest: z.string().optional(),
});

/** The entries of an index by the names of charts. */
type Index = Readonly<Record<string, unknown>>;

/** @throws UnfitError for a file that is no index */
function readIndex(address: string, bytes: Buffer): Index {
  try {
    return indexSchema.parse(parseYaml(bytes.toString("utf8"), { logLevel: "error" })).entries;
  } catch {
    throw lacking(`${address} is no index of charts`);
  }
}

/** The upstream hosts of the bill. The index of each chart repository is read once. */
function upstream(fetch: Fetcher): Locate {
  const indexes = new Map<string, Promise<Index>>();
  return async (artifact) => {
    if (artifact.kind === "manifest") return { address: artifact.upstream, digest: artifact.sha256 };
    const index = `${artifact.upstream}/index.yaml`;
    const pending = indexes.get(index) ?? fetch(index).then((bytes) => readIndex(index, bytes));
    indexes.set(index, pending);
    const entry = chartVersionsSchema
      .parse((await pending)[artifact.name])
      .flatMap((each) => chartVersionSchema.safeParse(each).data ?? [])
      .find(({ version }) => isVersion(version, artifact.version));
    const [url] = entry?.urls ?? [];
    const folder = `${artifact.upstream}/`;
    if (!entry || !url || !URL.canParse(url, folder))
      throw lacking(`${index} has no chart "${artifact.name}" in version ${artifact.version}`);
    return { address: new URL(url, folder).href, digest: entry.digest };
  };
}

const isVersion = (text: string, wanted: string): boolean => semver.valid(text) !== null && semver.eq(text, wanted);

const lacking = (what: string) =>
  new UnfitError({
    what,
    why: "The lab installs exactly the pinned versions",
    fix: 'npm run lab -- config set artifactSource DIR-OR-URL   (a folder made by "lab bundle", or a mirror that has it)',
  });

/**
 * Writes a chart folder with one template that prints the manifest unchanged: braces in it are not templated. The name of
 * the folder contains a digest, because the provider notices a changed local chart only by its path.
 */
async function wrapManifest({ name, version }: BillArtifact, manifest: string): Promise<string> {
  const digest = sha256(manifest).slice(0, 12);
  const folder = join(cacheDir(), "wrapped", `${name}-${version}-${digest}`);
  const chart = { apiVersion: "v2", name, version: `${version.replace(/^v/, "")}+${digest}`, appVersion: version };
  const files = new Map([
    ["files/manifest.yaml", manifest],
    ["templates/manifest.yaml", '{{ .Files.Get "files/manifest.yaml" }}\n'],
    ["Chart.yaml", stringify(chart)],
  ]);
  if (await holds(folder, files)) return folder;
  await rm(folder, { recursive: true, force: true });
  for (const [path, content] of files) writeWhole(join(folder, path), content);
  return folder;
}

/** Whether a folder has these files and no others. */
async function holds(folder: string, files: ReadonlyMap<string, string>): Promise<boolean> {
  if (!existsSync(folder)) return false;
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
  if (paths.length !== files.size) return false;
  const same = [...files].map(async ([path, content]) => {
    const file = join(folder, path);
    return paths.includes(file) && (await readFile(file, "utf8")) === content;
  });
  return (await Promise.all(same)).every(Boolean);
}
