import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { chmod, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { archivePath, bundleFiles, formatSums, isWeb, parseSums, tagged } from "../../artifacts/bundle-folder";
import { checkDigest, type Fetcher, isGzip, requireSafeSource, unreachable } from "../../artifacts/download";
import { artifactPath, cachedArtifact, fetchArtifacts } from "../../artifacts/fetch";
import { type BillArtifact, nodePlatforms } from "../../config/versions";
import { type Problem, parseProblems, UnfitError } from "../../host/errors";
import { type Exec, run } from "../../host/exec";
import { makeFolder, writeWhole } from "../../host/write-file";
import { fetchRelease, type System, tools } from "../toolchain/tools";
import { appFolder, type BillPlugin, billPlugins } from "./bill";

/** Parts of a bundle that `--without` can omit. */
export const parts = ["charts", "cli", "plugins", "images"] as const;
export type Part = (typeof parts)[number];

/** A file of a bundle. */
export interface Piece {
  part: Part;
  /** Path in the bundle. */
  path: string;
  /** Fetches it into `file`. */
  fetch(file: string): Promise<void>;
}

/** Charts and manifests, which the cache checks. */
export function chartPieces(artifacts: readonly BillArtifact[], { fetch, source }: BundleWork): Piece[] {
  return artifacts.map((artifact) => ({
    part: "charts",
    path: artifactPath(artifact),
    async fetch(file) {
      await fetchArtifacts({ fetch, bill: [artifact], source });
      writeWhole(file, await readFile(cachedArtifact(artifact)));
    },
  }));
}

/** Tools, and the lists of their digests. */
export function cliPieces({ fetch, source, platform }: BundleWork): Piece[] {
  return tools.flatMap((tool): Piece[] => {
    const release = tool.release(platform.system);
    return [
      {
        part: "cli",
        path: `cli/${release.file}`,
        async fetch(file) {
          writeWhole(file, await fetchRelease(release, fetch, source), release.packed ? 0o644 : 0o755);
        },
      },
      {
        part: "cli",
        path: `cli/${release.checksumsFile}`,
        async fetch(file) {
          const address = source ? `${source}/cli/${release.checksumsFile}` : release.checksums;
          writeWhole(file, await fetch(address));
        },
      },
    ];
  });
}

/** Path of a plugin in a bundle, with its upstream file name. */
export function pluginPath({ name, version }: BillPlugin, platform: Platform): string {
  return `plugins/pulumi-resource-${name}-v${version}-${platform.dashed}.tar.gz`;
}

/**
 * Plugins of the engine. SHA256SUMS of a bundle or mirror must list them; upstream has no list of SHA-256 digests
 * (pulumi-docker and pulumi-tls, .github/workflows/publish.yml: `shasum`, which is SHA-1).
 */
export function pluginPieces({ fetch, source, platform }: BundleWork): Piece[] {
  return billPlugins().map((plugin) => {
    const path = pluginPath(plugin, platform);
    const address = source ? `${source}/${path}` : `${plugin.upstream}/${path.replace("plugins/", "")}`;
    const download = async (file: string) => {
      requireSafeSource(source);
      const promised = source && parseSums((await fetch(`${source}/${bundleFiles.sums}`)).toString("utf8")).get(path);
      if (source && !promised) throw notPromised(source, path);
      const bytes = await fetch(address);
      if (promised) checkDigest(address, bytes, promised);
      if (!isGzip(bytes)) throw unreachable(address, { reason: "the response is no archive" });
      writeWhole(file, bytes);
    };
    return { part: "plugins", path, fetch: download };
  });
}

const notPromised = (source: string, path: string) =>
  new UnfitError({
    what: `${source}/${bundleFiles.sums} does not name ${path}`,
    why: "A plugin is a program: one without a known digest is not run",
    fix: "npm run lab -- bundle DIR --without plugins   (the engine then downloads them itself), or: --from ANOTHER-SOURCE",
  });

/** Images as archives of one platform. */
export function imagePieces(refs: readonly string[], work: BundleWork): Piece[] {
  return [...new Set(refs)].map((ref) => ({
    part: "images",
    path: archivePath(ref),
    fetch: (file) => saveImage(ref, file, work),
  }));
}

const root = join(__dirname, "../..");
const minutes = 60_000;

/** Reference of the apps' image in bundles, with a digest of the Dockerfile as its tag. */
export function bundledAppImage(): string {
  const dockerfile = readFileSync(join(appFolder, "Dockerfile"));
  return `docker.io/ambient-lab/httpbin:${createHash("sha256").update(dockerfile).digest("hex").slice(0, 12)}`;
}

/** Builds the apps' image for the bundle's platform; `saveImage` then finds it. */
export async function buildAppImage(ref: string, work: BundleWork): Promise<void> {
  const { platform, imageMirrors } = work;
  const env = { MIRRORS: imageMirrors.join("\n"), CACHES: "", BUNDLE: "", IMAGE: ref, BUILD: appFolder };
  const problem = {
    what: `Cannot build "${ref}"`,
    why: "The apps of the lab run it, and without a network it cannot be built",
    fix: 'npm run lab -- config set appImage REF   (a ready one; docs/how-to/work-offline.md, "The apps\' image")',
  };
  await runScript(
    [scriptOf("image-get"), scriptOf("image-build")],
    { ...env, PLATFORM: platform.nodes },
    problem,
    work,
  );
}

/** Writes an image of the bundle's platform to a file, and pulls it if Docker does not have it. */
export async function saveImage(ref: string, file: string, work: BundleWork): Promise<void> {
  const { platform } = work;
  const before = await inspect(ref, "{{.Id}}", work);
  await pull(ref, work);
  const tag = tagged(ref);
  const id = (await inspect(ref, "{{.Id}}", work)) ?? (await inspect(tag, "{{.Id}}", work)) ?? ref;
  // An archive of a reference with a digest would contain no name.
  if (tag !== ref) await docker(["tag", id, tag], work);
  const part = `${file}.part`;
  makeFolder(dirname(file));
  try {
    const why = `It is to be ${file}`;
    const fix = `docker image rm --force ${[...new Set([tag, ref])].join(" ")}   (the next run brings it again)`;
    const env = { ARCHIVE: part, WHY: why, FIX: fix, IMAGE: tag, PLATFORM: platform.nodes };
    const problem = { what: `Cannot save "${tag}"`, why, fix };
    await runScript([scriptOf("image-get"), 'save "$ARCHIVE" "$WHY" "$FIX" "$IMAGE"'], env, problem, work);
    // A umask may deny read access to other users of the bundle.
    await chmod(part, 0o644);
    await rename(part, file);
  } finally {
    await rm(part, { force: true });
    // Docker's classic store has one platform per tag: the former image is restored.
    if (before && before !== id && tag === ref) await docker(["tag", before, ref], work);
  }
}

async function pull(ref: string, work: BundleWork): Promise<void> {
  const { platform, imageMirrors, source } = work;
  const bundle = source && !isWeb(source) ? source : "";
  const env = { IMAGES: ref, MIRRORS: imageMirrors.join("\n"), CACHES: "", BUNDLE: bundle, PLATFORM: platform.nodes };
  const problem = {
    what: `Cannot pull "${ref}"`,
    why: "The bundle is to hold it",
    fix: `docker pull ${ref}   (shows the reason)`,
  };
  await runScript([scriptOf("image-get"), scriptOf("images-pull")], env, problem, work);
}

const scriptOf = (name: string) => `. ./components/scripts/${name}.sh`;

/**
 * Runs a shell script.
 * @throws UnfitError with the problem that the script prints, or with `otherwise`
 */
async function runScript(
  text: readonly string[],
  env: Record<string, string>,
  otherwise: Problem,
  { exec, signal }: BundleWork,
): Promise<void> {
  const { code, stderr } = await exec("/bin/sh", ["-c", text.join("\n")], {
    ...{ cwd: root, env, timeoutMs: 30 * minutes, signal },
  });
  if (code === 0) return;
  const [told] = parseProblems(stderr);
  const what = `${otherwise.what}: ${stderr.trim().split("\n").at(-1)}`;
  throw new UnfitError(told ?? { ...otherwise, what });
}

async function inspect(ref: string, format: string, { exec }: BundleWork): Promise<string | undefined> {
  const { code, stdout } = await exec("docker", ["image", "inspect", "--format", format, ref]);
  return code === 0 ? stdout : undefined;
}

async function docker(args: readonly string[], { exec }: BundleWork): Promise<void> {
  await run(exec, "docker", args, { why: "The bundle is to hold the image", fix: "docker info   (does it answer?)" });
}

const systems = ["linux", "darwin"] as const;
const processors = { amd64: "x64", arm64: "arm64" } as const;

/** Platform of a bundle: operating system of its tools and plugins, processor of its images. */
export interface Platform {
  /** `linux/amd64`, `darwin/arm64`. */
  name: string;
  system: System;
  /** Name in plugin archives: `darwin-arm64`. */
  dashed: string;
  /** Platform of the images: all nodes run Linux. */
  nodes: (typeof nodePlatforms)[number];
}

/** All platforms of bundles. */
export const platforms: readonly Platform[] = systems.flatMap((platform) =>
  nodePlatforms.map((nodes): Platform => {
    const processor = nodes === "linux/amd64" ? "amd64" : "arm64";
    return {
      name: `${platform}/${processor}`,
      system: { platform, arch: processors[processor] },
      dashed: `${platform}-${processor}`,
      nodes,
    };
  }),
);

/** Name of this machine's platform. On Windows the lab runs in WSL, as Linux. */
export function hostPlatform({ platform, arch }: System = process): string {
  return `${platform === "darwin" ? "darwin" : "linux"}/${arch === "arm64" ? "arm64" : "amd64"}`;
}

/** Means to fetch the pieces of a bundle. */
export interface BundleWork {
  fetch: Fetcher;
  exec: Exec;
  platform: Platform;
  /** Mirrors of registries, as "registry=URL". */
  imageMirrors: readonly string[];
  /** Mirror or folder, without a trailing slash, that replaces the upstream hosts. */
  source?: string;
  /** Aborted when the user ends the command. */
  signal: AbortSignal;
}

/** SHA-256 of a file; undefined when it does not exist. */
export async function digestOf(file: string): Promise<string | undefined> {
  if (!existsSync(file)) return undefined;
  const hash = createHash("sha256");
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}

/** Digests in SHA256SUMS of a bundle; empty when the file does not exist. */
export async function readSums(folder: string): Promise<Map<string, string>> {
  const file = join(folder, bundleFiles.sums);
  return existsSync(file) ? parseSums(await readFile(file, "utf8")) : new Map();
}

/** Writes SHA256SUMS. */
export async function writeSums(folder: string, sums: ReadonlyMap<string, string>): Promise<void> {
  writeWhole(join(folder, bundleFiles.sums), formatSums(sums));
}
