import type { ReachDocument, ReachEntry } from "../../../access/reach/schema";
import { cellMark, cellsOf, legend, reachSummary, requestText, shownDecision } from "../../../access/reach/summary";
import { decisionText } from "../../../access/report";
import { type Html, html } from "./escape";
import { timeText } from "./shell";

/** The matrix: a table for each port of a Service. A cell shows its request, both decisions, and the records of the layers. */
export function matrixSection(document: ReachDocument): Html {
  const { headline, asked } = reachSummary(document);
  return html`<section id="matrix" aria-labelledby="matrix-h"><h2 id="matrix-h">Who may reach what</h2>
<p class="lead">${headline}. ${asked > 0 ? "Asked" : "Computed"} ${timeText(document.startedAt)}. Open a cell to see the request, what the configuration says, what the mesh did, and the records that say so.</p>
<ul class="legend" aria-label="Marks">${legend.map(({ mark, meaning }) => html`<li>${mark} ${meaning}</li>`)}</ul>
${document.columns.map((_, column) => columnTable(document, column))}</section>`;
}

function columnTable(document: ReachDocument, column: number): Html {
  const { service, port, requests } = document.columns[column] ?? {
    service: { namespace: "", name: "" },
    port: 0,
    requests: [],
  };
  const at = cellsOf(document, column);
  const id = `matrix-${column}`;
  return html`<h3 id="${id}">${service.namespace}/${service.name}:${port}</h3>
<div class="scroll" tabindex="0" role="region" aria-labelledby="${id}"><table class="matrix" aria-labelledby="${id}"><thead><tr><td></td>${requests.map(({ method, path }) => html`<th scope="col">${method} ${path}</th>`)}</tr></thead><tbody>
${document.senders.map(
  ({ text }, row) =>
    html`<tr><th scope="row">${text}</th>${requests.map((_, request) => html`<td>${cellOf(document, at(row, request))}</td>`)}</tr>`,
)}</tbody></table></div>`;
}

/** A Gateway without a route to a Service has no request for it. */
const cellOf = (document: ReachDocument, cell: ReachEntry | undefined): Html =>
  cell
    ? html`<details class="cell ${classOf(cell)}"><summary>${cellMark(cell)}<span class="sr">, ${decisionWords(cell)}</span></summary>${cellEvidence(document, cell)}</details>`
    : html`<span class="note" aria-hidden="true">–</span><span class="sr">no route</span>`;

const classOf = (cell: ReachEntry): string => {
  const { outcome } = shownDecision(cell);
  const kind = outcome === "allowed" || outcome === "unknown" ? outcome : "stopped";
  return cell.agreement === "differ" ? `${kind} differ` : kind;
};

/** The mark of a cell as text, for a screen reader. */
function decisionWords(cell: ReachEntry): string {
  const { outcome, by } = shownDecision(cell);
  return `${outcome}${by ? ` by ${by}` : ""}${cell.agreement === "differ" ? ", the configuration says otherwise" : ""}`;
}

/** The request of a cell, the decisions about it, and the records. */
function cellEvidence(
  document: ReachDocument,
  { row, method, host, path, computed, observed, evidence = [] }: ReachEntry,
): Html {
  return html`<div class="said"><dl><dt>Request</dt><dd>${document.senders[row]?.text}: <code>${method} http://${host}${path}</code></dd>
<dt>Configuration</dt><dd>${decisionText(computed)}</dd>${observed ? html`<dt>Mesh</dt><dd>${decisionText(observed)}</dd>` : ""}</dl>
${evidence.map(({ source, lines }) => html`<p class="note">${source}</p><pre tabindex="0">${lines.join("\n")}</pre>`)}</div>`;
}

/** The cells in which configuration and mesh differ; undefined without one. */
export function differences(document: ReachDocument): Html | undefined {
  const { differing } = reachSummary(document);
  if (differing.length === 0) return undefined;
  return html`<section id="differences" aria-labelledby="differences-h"><h2 id="differences-h">Configuration and mesh differ</h2>
${differing.map(
  (
    cell,
  ) => html`<h3>${requestText(document, cell)}</h3><div class="finding is-fail"><p><strong>Configuration:</strong> ${decisionText(cell.computed)}</p>
<p><strong>Mesh:</strong> ${decisionText(shownDecision(cell))}</p>
<details class="raw"><summary>Records</summary>${(cell.evidence ?? []).map(({ source, lines }) => html`<p class="note">${source}</p><pre tabindex="0">${lines.join("\n")}</pre>`)}</details></div>`,
)}</section>`;
}

/** The unknown cells with their reasons; undefined without one. */
export function unknowns(document: ReachDocument): Html | undefined {
  const { unknown } = reachSummary(document);
  if (unknown.length + document.unread.length === 0) return undefined;
  return html`<section id="unknown" aria-labelledby="unknown-h"><h2 id="unknown-h">Not known</h2>
<ul>${unknown.map(({ because, count }) => html`<li>${count} ${count === 1 ? "cell" : "cells"}: ${because}</li>`)}
${document.unread.map(({ kind, reason }) => html`<li>${kind} objects were not read: ${reason}</li>`)}</ul></section>`;
}
