import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { bundleFiles, formatSums, parseSums } from "../../../artifacts/bundle-folder";
import { writeWhole } from "../../../host/write-file";

/** SHA-256 of a file of any size; undefined when there is none. */
export async function digestOf(file: string): Promise<string | undefined> {
  if (!existsSync(file)) return undefined;
  const hash = createHash("sha256");
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}

/** Digests that a bundle's SHA256SUMS promises; none where there is no such file. */
export async function readSums(folder: string): Promise<Map<string, string>> {
  const file = join(folder, bundleFiles.sums);
  return existsSync(file) ? parseSums(await readFile(file, "utf8")) : new Map();
}

/** Writes SHA256SUMS anew. */
export async function writeSums(folder: string, sums: ReadonlyMap<string, string>): Promise<void> {
  writeWhole(join(folder, bundleFiles.sums), formatSums(sums));
}
