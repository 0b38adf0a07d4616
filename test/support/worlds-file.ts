import { writeFile } from "node:fs/promises";
import { versions } from "../../config/versions";
import type { WorldOutcome } from "./run-world";

/** Writes the table of a run to the file $LAB_WORLDS. */
export async function worldsToFile(outcomes: readonly WorldOutcome[]): Promise<void> {
  const file = process.env.LAB_WORLDS;
  if (file) await writeFile(file, worldsPage(outcomes, new Date()));
}

/** The table of broken labs as a page. */
function worldsPage(outcomes: readonly WorldOutcome[], when: Date): string {
  const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");
  const rows = outcomes.map(({ world, detectedBy, causes, verdicts, restored }) => {
    const words = Object.entries(detectedBy).map(([id, verdict]) => `${id}: ${verdict.replace(/ (\S+)$/, " ($1)")}`);
    return `| ${[world, verdicts.at(-1) ?? "", words.join(", "), causes, restored].map(cell).join(" | ")} |`;
  });
  return [
    "# Broken labs",
    "",
    `Results of \`lab verify\` for a running lab (Istio ${versions.istio}) that was broken on purpose, and for the same lab after it was restored.`,
    `Written on ${when.toISOString().slice(0, 10)} by \`LAB_E2E=1 LAB_WORLDS=docs/worlds.md npx vitest run --project e2e test/e2e/lab.test.ts\`.`,
    "",
    "| break | verdict | experiments that detect it (layer) | reported cause | restored |",
    "|---|---|---|---|---|",
    ...rows,
    "",
    "kind nodes share the kernel and the clock of this machine, so clock skew is simulated in the verifier.",
    "",
  ].join("\n");
}
