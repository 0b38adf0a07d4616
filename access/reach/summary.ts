import type { AccessDecision } from "../types";
import type { ReachDocument, ReachEntry } from "./schema";

/** The summary of a matrix. */
export interface ReachSummary {
  headline: string;
  /** Number of cells with a request. */
  asked: number;
  /** Cells in which configuration and mesh differ. */
  differing: readonly ReachEntry[];
  /** The reasons of cells with an unknown result, each with the number of cells. */
  unknown: readonly { because: string; count: number }[];
}

/** Differences between configuration and mesh come first, then unknown results. */
export function reachSummary({ cells }: ReachDocument): ReachSummary {
  const asked = cells.filter(({ observed }) => observed !== undefined);
  const differing = asked.filter(({ agreement }) => agreement === "differ");
  const unknown = asked.filter(({ agreement }) => agreement === "unknown");
  const reasons = new Map<string, number>();
  for (const cell of unknown) {
    const { because } = cell.computed.outcome === "unknown" ? cell.computed : shownDecision(cell);
    reasons.set(because, (reasons.get(because) ?? 0) + 1);
  }
  return {
    headline: headlineOf(cells.length, asked.length, differing.length, unknown.length),
    asked: asked.length,
    differing,
    unknown: [...reasons].map(([because, count]) => ({ because, count })),
  };
}

function headlineOf(cells: number, asked: number, differing: number, unknown: number): string {
  if (asked === 0) return `${cells} cells, computed from the configuration; no request was sent`;
  if (differing > 0) return `Configuration and mesh differ in ${differing} of ${asked} cells`;
  const agree = `Configuration and mesh agree in ${asked - unknown} of ${asked} cells`;
  return unknown > 0 ? `${agree}; ${unknown} are not known` : agree;
}

/** The decision of a cell: the observed one, or without a request the computed one. */
export const shownDecision = ({ computed, observed }: ReachEntry): AccessDecision => observed ?? computed;

/** The request of a cell in words. */
export const requestText = ({ senders }: ReachDocument, { row, method, host, path }: ReachEntry): string =>
  `${senders[row]?.text ?? ""} -> ${method} ${host}${path}`;

/** The cells of a column, by row and request. */
export function cellsOf(
  { cells }: ReachDocument,
  column: number,
): (row: number, request: number) => ReachEntry | undefined {
  const own = new Map(
    cells.filter((cell) => cell.column === column).map((cell) => [`${cell.row} ${cell.request}`, cell]),
  );
  return (row, request) => own.get(`${row} ${request}`);
}

/** The mark of a cell, and its meaning. */
const marks: Readonly<Record<AccessDecision["outcome"], { mark: string; meaning: string }>> = {
  allowed: { mark: "✓", meaning: "allowed" },
  denied: { mark: "✗", meaning: "denied, and the layer that denies" },
  "no-route": { mark: "404", meaning: "no route" },
  redirected: { mark: "→", meaning: "redirected" },
  unreachable: { mark: "!", meaning: "no answer from the application" },
  unknown: { mark: "?", meaning: "not known" },
};

/** Marks a cell in which configuration and mesh differ. */
const different = { mark: "≠", meaning: "configuration and mesh differ" };

/** A cell in a few characters. */
export function cellMark(cell: ReachEntry): string {
  const { outcome, by } = shownDecision(cell);
  const layer = outcome === "denied" && by ? ` ${by}` : "";
  return `${marks[outcome].mark}${layer}${cell.agreement === "differ" ? ` ${different.mark}` : ""}`;
}

/** The marks with their meanings. */
export const legend: readonly { mark: string; meaning: string }[] = [...Object.values(marks), different];
