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

/** What is asked of a bundle. */
export interface BundleOrder {
  folder: string;
  without: readonly Part[];
  config: Pick<
    LabConfig,
    "nodeImage" | "appImage" | "addons" | "imageCache" | "istioVersion" | "metallbVersion" | "modules"
  >;
}

/** The apps' image that the bundle is to hold: a ready one, or one that is built for it. */
function appImageOf({ config, without }: BundleOrder): { ref: string; build: boolean } | undefined {
  if (without.includes("images")) return undefined;
  return config.appImage ? { ref: config.appImage, build: false } : { ref: bundledAppImage(), build: true };
}

/** All but the images. They are named by manifests, so these come first. */
export function filePieces({ without, config }: BundleOrder, work: BundleWork): Piece[] {
  const all = [...chartPieces(installed(config), work), ...cliPieces(work), ...pluginPieces(work)];
  return all.filter(({ part }) => !without.includes(part));
}

/**
 * The images that nodes run; those of manifests as the bundle's own manifests name them.
 * @throws LabError when a manifest cannot be read, unless `lenient`
 */
export async function bundleImages(order: BundleOrder, work: BundleWork, lenient = false): Promise<Piece[]> {
  const app = appImageOf(order);
  if (!app) return [];
  const source = order.without.includes("charts") ? work.source : order.folder;
  const manifests = installed(order.config).filter(({ kind }) => kind === "manifest");
  const named = await manifestImages(manifests, { fetch: work.fetch, ...(source ? { source } : {}) });
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

/** An address without slashes at its end; a folder as it is. */
export function trimmedSource(source: string | undefined): string | undefined {
  if (!source) return undefined;
  return isWeb(source) || source.length > 1 ? source.replace(/\/+$/, "") : source;
}

/** Result for one piece. */
type Brought = "there" | "begins" | "fetched" | "failed";

/** How far a collection is. */
interface Step {
  piece: Piece;
  brought: Brought;
  /** Which of them it is, from 1 on. */
  position: number;
  count: number;
  /** Size of what is there, or was fetched. */
  bytes?: number;
}

/** Problems of the pieces that could not be had. */
type MissingPiece = { piece: Piece; problem: LabError };

/**
 * Brings the pieces that are not there, or not as promised, one after the other. SHA256SUMS is written after each, so that
 * a killed run continues where it was. A piece that cannot be fetched does not stop the others.
 *
 * @returns those that could not be had
 */
async function collect(folder: string, pieces: readonly Piece[], say: (step: Step) => void): Promise<MissingPiece[]> {
  const sums = await readSums(folder);
  const lacking: MissingPiece[] = [];
  for (const [index, piece] of pieces.entries()) {
    const file = join(folder, piece.path);
    const tell = (brought: Brought, bytes?: number) =>
      say({ piece, brought, position: index + 1, count: pieces.length, ...(bytes === undefined ? {} : { bytes }) });
    const promised = sums.get(piece.path);
    if (promised !== undefined && (await digestOf(file)) === promised) {
      tell("there", (await stat(file)).size);
      continue;
    }
    tell("begins");
    try {
      await piece.bring(file);
    } catch (thrown) {
      if (!(thrown instanceof LabError)) throw thrown;
      lacking.push({ piece, problem: thrown });
      tell("failed");
      continue;
    }
    const digest = await digestOf(file);
    if (digest === undefined) throw new RangeError(`${piece.path} was brought and is not there`);
    sums.set(piece.path, digest);
    await writeSums(folder, sums);
    tell("fetched", (await stat(file)).size);
  }
  return lacking;
}

/** A piece that a bundle lacks, or has in another form than SHA256SUMS promises. */
export interface BundleDefect {
  path: string;
  flaw: "missing" | "damaged" | "not promised";
}

/** Compares a bundle with what it must hold and with its own SHA256SUMS. */
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
 * Fills the folder.
 * @returns the paths in it
 * @throws LabErrors (exit code 4) when pieces could not be had; the others are there by then
 */
export async function fill(order: BundleOrder, work: BundleWork, progress: Progress): Promise<string[]> {
  const { folder, without } = order;
  const app = appImageOf(order);
  const facts = {
    platform: work.platform.name,
    ...(app ? { appImage: app.ref } : {}),
    ...(without.length > 0 ? { without } : {}),
  };
  writeWhole(`${folder}/${bundleFiles.facts}`, `${JSON.stringify(facts, null, 2)}\n`);
  const say = (step: Step) => tell(step, progress);
  const files = filePieces(order, work);
  const lacking = await collect(folder, files, say);
  // Images of a manifest that could not be had are not known; it is among the problems already.
  const images = await bundleImages(order, work, lacking.length > 0);
  const built = images.map((piece) =>
    app?.build && piece.path === archivePath(app.ref)
      ? { ...piece, bring: (file: string) => buildAppImage(app.ref, work).then(() => piece.bring(file)) }
      : piece,
  );
  lacking.push(...(await collect(folder, built, say)));
  const all = [...files, ...images].map(({ path }) => path);
  if (lacking.length > 0) {
    progress.line(leftToDo(all.length, lacking));
    throw new LabErrors(distinct(lacking), ExitCode.unfit);
  }
  return all;
}

function tell({ piece, brought, position, count, bytes }: Step, progress: Progress): void {
  const place = `${String(position).padStart(String(count).length)}/${count}`;
  progress.status(brought === "begins" ? `· ${place} ${piece.path} …` : "");
  if (brought === "begins") return;
  const mark = brought === "failed" ? progress.colors.red("✗") : progress.colors.green("✓");
  const size = bytes === undefined ? "" : `  ${sizeText(bytes)}`;
  progress.line(`${mark} ${place} ${piece.path}${size}${brought === "there" ? "  (there)" : ""}`);
}

function leftToDo(count: number, lacking: readonly MissingPiece[]): string {
  const without = withoutText(parts.filter((part) => lacking.some(({ piece }) => piece.part === part)));
  const there = `${count - lacking.length} of ${count} pieces are there`;
  return `${there}; the same command fetches the rest, and${without} does without it`;
}

/** Options that leave parts out, each with a blank before it. */
export function withoutText(left: readonly Part[]): string {
  return left.map((part) => ` --without ${part}`).join("");
}

/** Many pieces may lack for one reason, such as a list of digests that is not there. */
function distinct(lacking: readonly MissingPiece[]): Problem[] {
  return [...new Map(lacking.map(({ problem }) => [problem.what, problem])).values()];
}

/** A number of bytes as people write it: 812 B, 40 KB, 985.2 MB. */
function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} KB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
