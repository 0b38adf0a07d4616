// Prints random pieces of the mutated files as a value of StrykerJS' option `--mutate`. Their mutation score is an estimate of that of
// all files, for which a run takes many hours. Arguments: the number of pieces, and a seed: the same seed gives the same pieces.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mutatedFolders } from "./stryker.config.mjs";

const linesPerPiece = 20;

const files = execFileSync("git", ["ls-files", "--", ...mutatedFolders], { encoding: "utf8" })
  .split("\n")
  .filter((file) => file.endsWith(".ts"));
const pieces = files.flatMap((file) => {
  const lines = readFileSync(file, "utf8").split("\n").length;
  const count = Math.ceil(lines / linesPerPiece);
  return Array.from({ length: count }, (_, index) => {
    const first = index * linesPerPiece + 1;
    return `${file}:${first}-${Math.min(lines, first + linesPerPiece - 1)}`;
  });
});

const [count, seed = "1"] = process.argv.slice(2);
if (!/^\d+$/.test(count ?? "")) throw new RangeError("node tools/mutation/sample.mjs COUNT [SEED]");
const rank = (piece) => createHash("sha256").update(`${seed} ${piece}`).digest("hex");
const sample = pieces
  .map((piece) => ({ piece, rank: rank(piece) }))
  .sort((a, b) => (a.rank < b.rank ? -1 : 1))
  .slice(0, Number(count));
process.stdout.write(`${sample.map(({ piece }) => piece).join(",")}\n`);
