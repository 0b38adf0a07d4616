import fc from "fast-check";

/** Number of inputs for each parser, which LAB_FUZZ_RUNS changes. The seed is fixed, so that every run has the same inputs. */
const runs = Number(process.env.LAB_FUZZ_RUNS) || 2_000;
const seed = 20_261_129;

/** Timeout of one test, in milliseconds; a default run takes seconds. */
export const timeout = 60_000 * Math.max(1, runs / 2_000);

/** Number of damaged inputs for each parser in this process. */
const counts = new Map<string, number>();

/**
 * Requires a property of the results of a parser for damaged inputs.
 * @param cost cost of one input relative to a line: the number of inputs is divided by it
 */
export function holds<T>(parser: string, values: fc.Arbitrary<T>, property: (value: T) => void, cost = 1): void {
  fc.assert(fc.property(values, property), { seed, numRuns: counted(parser, cost) });
}

/** {@link holds} for an asynchronous parser, which runs a program or reads a file. */
export async function holdsLater<T>(
  parser: string,
  values: fc.Arbitrary<T>,
  property: (value: T) => Promise<void>,
  cost: number,
): Promise<void> {
  await fc.assert(fc.asyncProperty(values, property), { seed, numRuns: counted(parser, cost) });
}

function counted(parser: string, cost: number): number {
  const numRuns = Math.ceil(runs / cost);
  counts.set(parser, (counts.get(parser) ?? 0) + numRuns);
  return numRuns;
}

/** Whether a value is a count. */
export const isWhole = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** Prints the {@link counts} of a run with LAB_FUZZ_RUNS. */
export function printCounts(): void {
  if (!process.env.LAB_FUZZ_RUNS) return;
  const lines = [...counts].map(([parser, count]) => `${String(count).padStart(9)}  ${parser}\n`);
  process.stdout.write(lines.join(""));
}

/** Characters that separate, quote or end something in one of the formats, and a few that do not. */
const piece = fc.oneof(
  fc.string({ maxLength: 8, unit: "binary" }),
  fc.constantFrom(
    '"',
    "\\",
    " ",
    "=",
    "[",
    "]",
    "{",
    "}",
    "\n",
    "\r\n",
    "\t",
    "-",
    "%",
    "NaN",
    "\u0000",
    "error=",
    "503",
  ),
);

/** A text with up to four parts removed, replaced or repeated. */
export const damaged = (...seeds: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 999 }), fc.nat(20), piece), { maxLength: 4 }),
    )
    .map(([seed, edits]) =>
      edits.reduce((text, [where, cut, instead]) => {
        const at = Math.floor((where * text.length) / 1000);
        return text.slice(0, at) + instead + text.slice(at + cut);
      }, seed),
    );

/** A document with up to four of its values replaced by any other value. */
export const distorted = (seed: unknown): fc.Arbitrary<unknown> =>
  fc.array(fc.tuple(fc.infiniteStream(fc.nat(50)), fc.jsonValue({ maxDepth: 2 })), { maxLength: 4 }).map((edits) => {
    const copy = structuredClone(seed);
    for (const [path, value] of edits) replaceAt(copy, path, value);
    return copy;
  });

/** Follows the numbers of a path into a document, and replaces the value at the depth that the path selects. */
function replaceAt(document: unknown, path: Iterator<number>, value: unknown): void {
  let holder = document;
  for (let depth = 0; typeof holder === "object" && holder !== null; depth += 1) {
    const keys = Object.keys(holder);
    const key = keys[Number(path.next().value) % Math.max(keys.length, 1)];
    if (key === undefined) return;
    const next: unknown = Reflect.get(holder, key);
    if (typeof next !== "object" || next === null || Number(path.next().value) % (12 - Math.min(depth, 11)) === 0) {
      Reflect.set(holder, key, value);
      return;
    }
    holder = next;
  }
}
