import { writeFile } from "node:fs/promises";
import { versions } from "../../config/versions";
import type { WorldOutcome } from "./run-world";

/** Writes the table of a real run where $LAB_WORLDS says: docs/worlds.md is such a file. */
export async function worldsToFile(outcomes: readonly WorldOutcome[]): Promise<void> {
  const file = process.env.LAB_WORLDS;
  if (file) await writeFile(file, worldsPage(outcomes, new Date()));
}

/** The table of broken worlds as a page for readers. */
function worldsPage(outcomes: readonly WorldOutcome[], when: Date): string {
  const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");
  const rows = outcomes.map(({ world, detectedBy, causes, verdicts, restored }) => {
    const words = Object.entries(detectedBy).map(([id, verdict]) => `${id}: ${verdict.replace(/ (\S+)$/, " ($1)")}`);
    return `| ${[world, verdicts.at(-1) ?? "", words.join(", "), causes, restored].map(cell).join(" | ")} |`;
  });
  return [
    "# Broken worlds",
    "",
    `What \`lab verify\` made of a living lab (Istio ${versions.istio}) that was broken on purpose, and of the same lab once it was restored.`,
    `Written on ${when.toISOString().slice(0, 10)} by \`LAB_E2E=1 LAB_WORLDS=docs/worlds.md npx vitest run --project e2e test/e2e/lab.test.ts\`.`,
    "",
    "| world | run | experiments that must notice (layer) | cause that is named | restored |",
    "|---|---|---|---|---|",
    ...rows,
    "",
    "Nodes of kind share the kernel, and with it the clock, of this machine: skew is made on the verifier's side.",
    "",
  ].join("\n");
}
