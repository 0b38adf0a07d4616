import { stat } from "node:fs/promises";
import { join } from "node:path";
import { archivePath, bundleFiles, isWeb } from "../../artifacts/bundle-folder";
import { cacheImage, istioImagesOf } from "../../config/image-names";
import type { LabConfig } from "../../config/schema";
import { artifactsOf, type BillArtifact } from "../../config/versions";
import { addonNames } from "../../config/vocabulary";
import { ExitCode, LabError, LabErrors, type Problem } from "../../host/errors";
import { writeWhole } from "../../host/write-file";
import { moduleImagesOf } from "../../modules/index";
import { bytesText } from "../stack/nodes";
import type { Progress } from "../terminal/progress";
import { manifestImages } from "./bill";
import {
  type BundleWork,
  buildAppImage,
  bundledAppImage,
  chartPieces,
  cliPieces,
  digestOf,
  imagePieces,
  type Part,
  type Piece,
  parts,
  pluginPieces,
  readSums,
  writeSums,
} from "./pieces";

/** Content that a bundle must have. */
export interface BundleOrder {
  folder: string;
  without: readonly Part[];
  config: Pick<
    LabConfig,
    "nodeImage" | "appImage" | "addons" | "imageCache" | "istioVersion" | "metallbVersion" | "modules"
  >;
}

/** The apps' image of a bundle: the configured one, or one that is built for it. */
function appImageOf({ config, without }: BundleOrder): { ref: string; build: boolean } | undefined {
  if (without.includes("images")) return undefined;
  return config.appImage ? { ref: config.appImage, build: false } : { ref: bundledAppImage(), build: true };
}

/** The pieces except images. They come first, because the manifests among them name images. */
export function filePieces({ without, config }: BundleOrder, work: BundleWork): Piece[] {
  const all = [...chartPieces(installed(config), work), ...cliPieces(work), ...pluginPieces(work)];
  return all.filter(({ part }) => !without.includes(part));
}

/**
 * The images that nodes run, including those in the manifests of the bundle.
 * @throws LabError when a manifest cannot be read, unless `lenient`
 */
export async function bundleImages(order: BundleOrder, work: BundleWork, lenient = false): Promise<Piece[]> {
  const app = appImageOf(order);
  if (!app) return [];
  const source = order.without.includes("charts") ? work.source : order.folder;
  const manifests = installed(order.config).filter(({ kind }) => kind === "manifest");
  const named = await manifestImages(manifests, { fetch: work.fetch, source });
  const unknown = named.flatMap((each) => ("unknown" in each ? [each.unknown] : []));
  if (unknown[0] && !lenient) throw unknown[0];
  const refs = named.flatMap((each) => ("images" in each ? each.images.map(({ ref }) => ref) : []));
  const { nodeImage, imageCache, istioVersion, modules } = order.config;
  const cache = imageCache ? [cacheImage] : [];
  return imagePieces(
    [nodeImage, ...istioImagesOf(istioVersion), ...moduleImagesOf(modules, istioVersion), ...refs, app.ref, ...cache],
    work,
  );
}

/** The charts and manifests that the stack installs. */
function installed({ addons, ...chosen }: BundleOrder["config"]): BillArtifact[] {
  const idle = addonNames.filter((name) => !addons.includes(name));
  return artifactsOf(chosen).filter(({ name }) => !idle.some((addon) => addon === name));
}

/** A source without trailing slashes. */
export function trimmedSource(source: string | undefined): string | undefined {
  if (!source) return undefined;
  return isWeb(source) || source.length > 1 ? source.replace(/\/+$/, "") : source;
}

/** A piece that could not be fetched, and the problem. */
type MissingPiece = { piece: Piece; problem: LabError };

/**
 * Fetches the pieces that are missing or have another digest than SHA256SUMS, one after another. SHA256SUMS is written after
 * each, so that the next run continues after a kill. A piece that cannot be fetched does not stop the others.
 * @returns the pieces that could not be fetched
 */
async function collect(folder: string, pieces: readonly Piece[], progress: Progress): Promise<MissingPiece[]> {
  const { green, red } = progress.colors;
  const sums = await readSums(folder);
  const lacking: MissingPiece[] = [];
  for (const [index, piece] of pieces.entries()) {
    const file = join(folder, piece.path);
    const name = `${String(index + 1).padStart(String(pieces.length).length)}/${pieces.length} ${piece.path}`;
    const done = async (note = "") =>
      progress.line(`${green("✓")} ${name}  ${bytesText((await stat(file)).size)}${note}`);
    const promised = sums.get(piece.path);
    if (promised !== undefined && (await digestOf(file)) === promised) {
      await done("  (there)");
      continue;
    }
    progress.status(`· ${name} …`);
    try {
      await piece.fetch(file);
    } catch (thrown) {
      if (!(thrown instanceof LabError)) throw thrown;
      lacking.push({ piece, problem: thrown });
      progress.status("");
      progress.line(`${red("✗")} ${name}`);
      continue;
    }
    const digest = await digestOf(file);
    if (digest === undefined) throw new RangeError(`${piece.path} was fetched and does not exist`);
    sums.set(piece.path, digest);
    await writeSums(folder, sums);
    progress.status("");
    await done();
  }
  return lacking;
}

/** A piece that is missing in a bundle, or has another digest than in SHA256SUMS. */
export interface BundleDefect {
  path: string;
  flaw: "missing" | "damaged" | "not promised";
}

/** Compares a bundle with the paths that it must contain, and with its SHA256SUMS. */
export async function verifyBundle(folder: string, wanted: readonly string[]): Promise<BundleDefect[]> {
  const sums = await readSums(folder);
  const flaws: BundleDefect[] = [];
  for (const path of new Set([...wanted, ...sums.keys()])) {
    const actual = await digestOf(join(folder, path));
    if (actual === undefined) flaws.push({ path, flaw: "missing" });
    else if (!sums.has(path)) flaws.push({ path, flaw: "not promised" });
    else if (actual !== sums.get(path)) flaws.push({ path, flaw: "damaged" });
  }
  return flaws;
}

/**
 * Fetches all pieces of a bundle into its folder.
 * @returns the paths in it
 * @throws LabErrors (exit code 4) when pieces could not be fetched; the others are in the folder
 */
export async function fill(order: BundleOrder, work: BundleWork, progress: Progress): Promise<string[]> {
  const { folder, without } = order;
  const app = appImageOf(order);
  const facts = { platform: work.platform.name, appImage: app?.ref, without: without.length > 0 ? without : undefined };
  writeWhole(`${folder}/${bundleFiles.facts}`, `${JSON.stringify(facts, null, 2)}\n`);
  const files = filePieces(order, work);
  const lacking = await collect(folder, files, progress);
  // The images of a manifest that could not be fetched are not known. The manifest is among the problems.
  const images = await bundleImages(order, work, lacking.length > 0);
  const built = images.map((piece) =>
    app?.build && piece.path === archivePath(app.ref)
      ? { ...piece, fetch: (file: string) => buildAppImage(app.ref, work).then(() => piece.fetch(file)) }
      : piece,
  );
  lacking.push(...(await collect(folder, built, progress)));
  const all = [...files, ...images].map(({ path }) => path);
  if (lacking.length > 0) {
    progress.line(leftToDo(all.length, lacking));
    throw new LabErrors(distinct(lacking), ExitCode.unfit);
  }
  return all;
}

function leftToDo(count: number, lacking: readonly MissingPiece[]): string {
  const without = withoutText(parts.filter((part) => lacking.some(({ piece }) => piece.part === part)));
  const there = `${count - lacking.length} of ${count} pieces are there`;
  return `${there}; the same command fetches the rest, and${without} does without it`;
}

/** The options `--without`, each with a leading space. */
export function withoutText(left: readonly Part[]): string {
  return left.map((part) => ` --without ${part}`).join("");
}

/** The problems, each once: many pieces may fail for one reason, such as a missing list of digests. */
function distinct(lacking: readonly MissingPiece[]): Problem[] {
  return [...new Map(lacking.map(({ problem }) => [problem.what, problem])).values()];
}
