import type { Problem } from "../../host/errors";

/**
 * The What / Why / Fix blocks in a text: the lab's program and its scripts print them, and the engine hands them on in the
 * middle of its own words. A line that is indented below a block's text belongs to it.
 */
export function problemsIn(text: string): Problem[] {
  const problems: Problem[] = [];
  let block: Partial<Problem> = {};
  let label: keyof Problem | undefined;
  let indent = 0;
  for (const line of text.split("\n")) {
    const [, margin = "", word, gap = "", rest = ""] = /^(\s*)(What|Why|Fix)( {2,})(\S.*)$/.exec(line) ?? [];
    if (word) {
      label = labels[word];
      indent = margin.length + word.length + gap.length;
      if (label === "what") block = {};
      if (label) block[label] = rest;
    } else if (label && line.startsWith(" ".repeat(indent)) && line.trim() !== "") {
      block[label] += `\n${line.slice(indent)}`;
    } else {
      label = undefined;
    }
    if (word === "Fix" && isWhole(block)) problems.push(block);
  }
  return problems.filter(({ what }, index) => problems.findIndex((each) => each.what === what) === index);
}

function isWhole(block: Partial<Problem>): block is Problem {
  const { what, why, fix } = block;
  return what !== undefined && why !== undefined && fix !== undefined;
}

const labels: Record<string, keyof Problem> = { What: "what", Why: "why", Fix: "fix" };
