import type { ReachDocument } from "../../../access/reach/schema";
import { reachSummary, shownDecision } from "../../../access/reach/summary";
import { html } from "./escape";
import { differences, matrixSection, unknowns } from "./matrix";
import { pageText, timeText } from "./shell";

/** A matrix as one HTML file, with the differences between configuration and mesh first. */
export function reachPage(document: ReachDocument): string {
  const { context, startedAt, istio, cells } = document;
  const { headline, asked, differing } = reachSummary(document);
  const count = (outcome: string) => cells.filter((cell) => shownDecision(cell).outcome === outcome).length;
  const tiles = [
    ["Cells", cells.length],
    ["Asked", asked],
    ["Differ", differing.length],
    ["Allowed", count("allowed")],
    ["Denied", count("denied")],
    ["Not known", count("unknown")],
    ...(istio === undefined ? [] : [["Istio", istio] as const]),
  ] as const;
  return pageText({
    title: `Who may reach what, ${context}`,
    head: html`<header class="top"><p class="eyebrow">Who may reach what, in the mesh of context ${context}</p><h1>${headline}</h1>
<p class="lead">${timeText(startedAt)}</p>
<dl class="tiles">${tiles.map(([name, value]) => html`<div class="tile"><dt>${name}</dt><dd>${value}</dd></div>`)}</dl></header>`,
    sections: [
      ["differences", "Differences", differences(document)],
      ["unknown", "Not known", unknowns(document)],
      ["matrix", "Who may reach what", matrixSection(document)],
    ],
    footer: html`<p>Made by <code>npm run lab -- reach</code>. Certificates, keys, tokens and cookies are left out.</p>`,
  });
}
