import picocolors from "picocolors";
import { senderText } from "../probe/pod";
import { decisionText } from "../report";
import type { AccessDecision } from "../types";
import { agreement, type ReachCell, type ReachMatrix } from "./matrix";

/** A decision as a cell shows it. */
function cellText({ outcome, by }: AccessDecision): string {
  switch (outcome) {
    case "allowed":
      return "✓";
    case "denied":
      return `✗ ${by ?? ""}`.trim();
    case "no-route":
      return "404";
    case "redirected":
      return "→";
    case "unreachable":
      return "!";
    case "unknown":
      return "?";
  }
}

const legend =
  "✓ allowed   ✗ denied, and the layer that denies   404 no route   → redirected   ! no answer from the application   ? not known   ≠ configuration and mesh differ";

/** The matrix for a terminal. */
export function matrixText(matrix: ReachMatrix, options: { colour: boolean }): string {
  const { green, red, yellow, bold, gray } = picocolors.createColors(options.colour);
  const paint = (cell: ReachCell, text: string): string => {
    if (agreement(cell) === "differ") return bold(yellow(text));
    const { outcome } = shownDecision(cell);
    return outcome === "allowed" ? green(text) : outcome === "unknown" ? yellow(text) : red(text);
  };
  const rowWidth = Math.max(...matrix.senders.map((sender) => senderText(sender).length));
  const tables = matrix.columns.flatMap((column, index) => {
    const heads = column.requests.map(({ method, path }) => `${method} ${path}`);
    const cells = matrix.cells.filter((cell) => cell.column === index);
    const text = (cell: ReachCell | undefined): string =>
      cell ? `${cellText(shownDecision(cell))}${agreement(cell) === "differ" ? " ≠" : ""}` : "-";
    const rows = matrix.senders.map((sender, row) => {
      const own = column.requests.map((_, request) =>
        cells.find((cell) => cell.row === row && cell.request === request),
      );
      return { sender: senderText(sender), own };
    });
    const widths = heads.map((head, at) => Math.max(head.length, ...rows.map(({ own }) => text(own[at]).length)));
    const line = (own: (ReachCell | undefined)[]) =>
      own.map((cell, at) => {
        const padded = text(cell).padEnd(widths[at] ?? 0);
        return cell ? paint(cell, padded) : gray(padded);
      });
    return [
      "",
      bold(`${column.service.namespace}/${column.service.name}:${column.port}`),
      `  ${" ".repeat(rowWidth)}  ${heads.map((head, at) => head.padEnd(widths[at] ?? 0)).join("  ")}`.trimEnd(),
      ...rows.map(({ sender, own }) => `  ${sender.padEnd(rowWidth)}  ${line(own).join("  ")}`.trimEnd()),
    ];
  });
  return [...headline(matrix), ...tables, "", legend, ""].join("\n");
}

/** What a cell shows: what the mesh did, or the configuration where no request was sent. */
const shownDecision = ({ computed, observed }: ReachCell): AccessDecision => observed?.decision ?? computed;

/** The differences between configuration and mesh come first. */
function headline(matrix: ReachMatrix): string[] {
  const asked = matrix.cells.filter(({ observed }) => observed !== undefined);
  const differing = asked.filter((cell) => agreement(cell) === "differ");
  const unknown = asked.filter((cell) => agreement(cell) === "unknown");
  if (asked.length === 0) return [`${matrix.cells.length} cells, computed from the configuration; no request was sent`];
  const agree = asked.length - differing.length - unknown.length;
  return [
    differing.length > 0
      ? `Configuration and mesh differ in ${differing.length} of ${asked.length} cells:`
      : `Configuration and mesh agree in ${agree} of ${asked.length} cells${unknown.length > 0 ? `; ${unknown.length} are not known` : ""}`,
    ...differing.flatMap((cell) => [
      `  ${requestText(cell)}`,
      `      configuration  ${decisionText(cell.computed)}`,
      `      mesh           ${decisionText(shownDecision(cell))}`,
    ]),
    ...unknownReasons(unknown),
  ];
}

/** A reason that many cells share is told once. */
function unknownReasons(cells: readonly ReachCell[]): string[] {
  const reasons = new Map<string, number>();
  for (const cell of cells) {
    const { because } = cell.computed.outcome === "unknown" ? cell.computed : shownDecision(cell);
    reasons.set(because, (reasons.get(because) ?? 0) + 1);
  }
  return [...reasons].map(([because, count]) => `  not known in ${count}: ${because}`);
}

/** A request in words. */
const requestText = ({ asked }: ReachCell): string =>
  `${senderText(asked.from)} -> ${asked.method} ${asked.host}${asked.path}`;
