import { stat } from "node:fs/promises";
import { join } from "node:path";
import { LabError } from "../../../host/errors";
import type { Piece } from "./pieces";
import { digestOf, readSums, writeSums } from "./sums";

/** What became of a piece. */
type Brought = "there" | "begins" | "fetched" | "failed";

/** How far a collection is. */
export interface Step {
  piece: Piece;
  brought: Brought;
  /** Which of them it is, from 1 on. */
  position: number;
  count: number;
  /** Size of what is there, or was fetched. */
  bytes?: number;
}

/** Problems of the pieces that could not be had. */
export type MissingPiece = { piece: Piece; problem: LabError };

/**
 * Brings the pieces that are not there, or not as promised, one after the other. SHA256SUMS is written after each, so that
 * a killed run goes on where it was. A piece that cannot be had does not keep the others away.
 *
 * @returns those that could not be had
 */
export async function collect(
  folder: string,
  pieces: readonly Piece[],
  say: (step: Step) => void,
): Promise<MissingPiece[]> {
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
