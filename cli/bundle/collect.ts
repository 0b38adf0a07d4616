import { join } from "node:path";
import { LabError } from "../../errors";
import type { Piece } from "./pieces";
import { digestOf, readSums, writeSums } from "./sums";

/** What became of a piece. */
export type Brought = "there" | "begins" | "fetched" | "failed";

/**
 * Brings the pieces that are not there, or not as promised, one after the other. SHA256SUMS is written after each, so that
 * a killed run goes on where it was. A piece that cannot be had does not keep the others away.
 *
 * @returns the problems of those that could not be had
 */
export async function collect(
  folder: string,
  pieces: readonly Piece[],
  say: (piece: Piece, brought: Brought) => void,
): Promise<LabError[]> {
  const sums = await readSums(folder);
  const problems: LabError[] = [];
  for (const piece of pieces) {
    const file = join(folder, piece.path);
    const promised = sums.get(piece.path);
    if (promised !== undefined && (await digestOf(file)) === promised) {
      say(piece, "there");
      continue;
    }
    say(piece, "begins");
    try {
      await piece.bring(file);
    } catch (thrown) {
      if (!(thrown instanceof LabError)) throw thrown;
      problems.push(thrown);
      say(piece, "failed");
      continue;
    }
    const digest = await digestOf(file);
    if (digest === undefined) throw new RangeError(`${piece.path} was brought and is not there`);
    sums.set(piece.path, digest);
    await writeSums(folder, sums);
    say(piece, "fetched");
  }
  return problems;
}

/** A piece that a bundle lacks, or has in another form than SHA256SUMS promises. */
export interface Flaw {
  path: string;
  flaw: "missing" | "damaged" | "not promised";
}

/** Compares a bundle with what it must hold and with its own SHA256SUMS. */
export async function flawsOf(folder: string, wanted: readonly string[]): Promise<Flaw[]> {
  const sums = await readSums(folder);
  const flaws: Flaw[] = [];
  for (const path of new Set([...wanted, ...sums.keys()])) {
    const actual = await digestOf(join(folder, path));
    if (actual === undefined) flaws.push({ path, flaw: "missing" });
    else if (!sums.has(path)) flaws.push({ path, flaw: "not promised" });
    else if (actual !== sums.get(path)) flaws.push({ path, flaw: "damaged" });
  }
  return flaws;
}
