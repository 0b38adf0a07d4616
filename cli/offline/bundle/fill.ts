import { archivePath, bundleFiles } from "../../../artifacts/bundle-folder";
import { ExitCode, LabErrors, type Problem } from "../../../host/errors";
import { writeWhole } from "../../../host/write-file";
import type { Progress } from "../../terminal/progress";
import { collect, type MissingPiece, type Step } from "./collect";
import { appImageOf, type BundleOrder, bundleImages, filePieces } from "./contents";
import { buildAppImage } from "./images";
import { type Part, parts } from "./pieces";
import type { BundleWork } from "./work";

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
