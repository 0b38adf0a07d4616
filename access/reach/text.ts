import picocolors from "picocolors";
import { decisionText } from "../report";
import type { ReachDocument, ReachEntry } from "./schema";
import { cellMark, cellsOf, legend, reachSummary, requestText, shownDecision } from "./summary";

const legendText = legend.map(({ mark, meaning }) => `${mark} ${meaning}`).join("   ");

/** The matrix for a terminal. */
export function matrixText(document: ReachDocument, options: { colour: boolean }): string {
  const { green, red, yellow, bold, gray } = picocolors.createColors(options.colour);
  const paint = (cell: ReachEntry, text: string): string => {
    if (cell.agreement === "differ") return bold(yellow(text));
    const { outcome } = shownDecision(cell);
    return outcome === "allowed" ? green(text) : outcome === "unknown" ? yellow(text) : red(text);
  };
  const rowWidth = Math.max(...document.senders.map(({ text }) => text.length));
  const tables = document.columns.flatMap((column, index) => {
    const heads = column.requests.map(({ method, path }) => `${method} ${path}`);
    const at = cellsOf(document, index);
    const text = (cell: ReachEntry | undefined): string => (cell ? cellMark(cell) : "-");
    const rows = document.senders.map((sender, row) => ({
      sender: sender.text,
      own: column.requests.map((_, request) => at(row, request)),
    }));
    const widths = heads.map((head, place) => Math.max(head.length, ...rows.map(({ own }) => text(own[place]).length)));
    const line = (own: (ReachEntry | undefined)[]) =>
      own.map((cell, place) => {
        const padded = text(cell).padEnd(widths[place] ?? 0);
        return cell ? paint(cell, padded) : gray(padded);
      });
    return [
      "",
      bold(`${column.service.namespace}/${column.service.name}:${column.port}`),
      `  ${" ".repeat(rowWidth)}  ${heads.map((head, place) => head.padEnd(widths[place] ?? 0)).join("  ")}`.trimEnd(),
      ...rows.map(({ sender, own }) => `  ${sender.padEnd(rowWidth)}  ${line(own).join("  ")}`.trimEnd()),
    ];
  });
  return [...headlines(document), ...tables, "", legendText, ""].join("\n");
}

function headlines(document: ReachDocument): string[] {
  const { headline, differing, unknown } = reachSummary(document);
  return [
    `${headline}${differing.length > 0 ? ":" : ""}`,
    ...differing.flatMap((cell) => [
      `  ${requestText(document, cell)}`,
      `      configuration  ${decisionText(cell.computed)}`,
      `      mesh           ${decisionText(shownDecision(cell))}`,
    ]),
    ...unknown.map(({ because, count }) => `  not known in ${count}: ${because}`),
  ];
}
