import { isWeb } from "../../../artifacts/bundle-folder";
import { cacheImage, istioImagesOf } from "../../../config/image-names";
import type { LabConfig } from "../../../config/schema";
import { artifactsOf, type BillArtifact } from "../../../config/versions";
import { addonNames } from "../../../config/vocabulary";
import { moduleImagesOf } from "../../../modules/index";
import { manifestImages } from "../bill/images";
import { bundledAppImage } from "./images";
import { chartPieces, cliPieces, imagePieces, type Part, type Piece, pluginPieces } from "./pieces";
import type { BundleWork } from "./work";

/** What is asked of a bundle. */
export interface BundleOrder {
  folder: string;
  without: readonly Part[];
  config: Pick<LabConfig, "nodeImage" | "appImage" | "addons" | "imageCache" | "istioVersion" | "modules">;
}

/** The apps' image that the bundle is to hold: a ready one, or one that is built for it. */
export function appImageOf({ config, without }: BundleOrder): { ref: string; build: boolean } | undefined {
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
function installed({ addons, istioVersion }: BundleOrder["config"]): BillArtifact[] {
  const idle = addonNames.filter((name) => !addons.includes(name));
  return artifactsOf(istioVersion).filter(({ name }) => !idle.some((addon) => addon === name));
}

/** An address without slashes at its end; a folder as it is. */
export function trimmedSource(source: string | undefined): string | undefined {
  if (!source) return undefined;
  return isWeb(source) || source.length > 1 ? source.replace(/\/+$/, "") : source;
}
