import type { ReachDocument } from "../../access/reach/schema";
import { cellMark, cellsOf, reachSummary, requestText, shownDecision } from "../../access/reach/summary";
import { decisionText } from "../../access/report";
import { costTables } from "../../verify/cost/judge";
import { routeFeatures, routeTarget } from "../../verify/proxy-config/text";
import { type EvidenceFolder, serviceChains } from "./evidence";
import { wordsOf } from "./html/journey-svg";
import { journeysOf, requestsElsewhere } from "./journeys";
import { isRefused, requestsOf } from "./requests";
import { samplesOf } from "./samples";

/** The report as Markdown, for a pull request or a wiki: the content of the page without its drawings. */
export function renderMarkdown(evidence: EvidenceFolder): string {
  const { report, timeline } = evidence;
  const { results, stack, cluster, startedAt, verdict, versions, drift, health } = report;
  const refusals = requestsOf(report).filter(isRefused);
  return [
    `# Ambient lab ${cell(stack)}: ${verdict}`,
    `${cell(cluster)}, ${cell(startedAt)}; ${Object.entries(versions)
      .map(([name, version]) => `${cell(name)} ${cell(version)}`)
      .join(", ")}`,
    ...section("What needs attention", [
      ...results.flatMap(({ findings, id }) =>
        findings
          .filter((finding) => finding.verdict === "fail" || finding.verdict === "inconclusive")
          .map(
            ({ name, seen, expected }) =>
              `- **${cell(id)}**, ${cell(name)}: ${cell(seen)}${expected ? `; expected ${cell(expected)}` : ""}`,
          ),
      ),
      ...[...drift, ...health].map(({ what, fix }) => `- ${cell(what)} (fix: ${cell(fix)})`),
    ]),
    ...section(
      "Verdicts",
      table(
        ["Verdict", "Experiment", "Id", "Took"],
        results.map((each) => [
          each.verdict,
          each.title + (each.reason ? ` (${each.reason})` : ""),
          each.id,
          `${(each.durationMs / 1000).toFixed(1)} s`,
        ]),
      ),
    ),
    ...section(
      "The injected delay",
      table(
        ["Sample", "Slow", "Expected", "Verdict"],
        samplesOf(report).map(({ label, slow, milliseconds, share, verdict }) => [
          label,
          `${slow} of ${milliseconds.length}`,
          share ? `${share.low} to ${share.high} (${share.percent} %)` : "none",
          verdict,
        ]),
      ),
    ),
    ...section(
      "The cost of the mesh",
      results
        .flatMap(({ findings }) => findings)
        .flatMap(({ cost }) => (cost ? costTables(cost) : []))
        .flatMap(({ caption, rows: [head = [], ...rows] }) => [
          cell(caption),
          "",
          ...table(
            [...head],
            rows.map((row) => [...row]),
          ),
          "",
        ]),
    ),
    ...section(
      "Refused requests",
      table(
        ["Caller", "Request", "Got", "Refused by", "Policy", "Because"],
        refusals.map(({ client, words, answer, decision }) => [
          client,
          words,
          answer,
          decision.layer,
          decision.policy ?? "",
          decision.because,
        ]),
      ),
    ),
    ...section(
      "Request paths",
      journeysOf(report).map((journey) => `- ${cell(wordsOf(journey))} (${journey.requests.length})`),
    ),
    ...section(
      "Requests to the modules' applications",
      table(
        ["Caller", "Request", "To", "Got", "Decided by", "Verdict"],
        requestsElsewhere(report).map(({ client, words, address, answer, decision, verdict }) => [
          ...[client, words, address, answer, decision.layer, verdict],
        ]),
      ),
    ),
    ...(evidence.reach ? matrixLines(evidence.reach) : []),
    ...section(
      "The waypoint's routes",
      serviceChains(evidence).flatMap(({ filters, routes }) => [
        `Filters: ${filters.map((filter) => cell(filter.replace(/^envoy\.filters\.http\./, ""))).join(" → ")}`,
        "",
        ...table(
          ["Request", "goes to", "and is"],
          routes.map((route) => [route.match, routeTarget(route), routeFeatures(route).join(", ") || "passed on"]),
        ),
      ]),
    ),
    ...section(
      "The time of up",
      timeline
        ? table(
            ["Phase", "Took"],
            timeline.phases.map(({ title, ms }) => [title, `${(ms / 1000).toFixed(1)} s`]),
          )
        : [],
    ),
    "",
  ].join("\n");
}

/** The matrix: a table for each port of a Service. */
function matrixLines(document: ReachDocument): string[] {
  const { headline, differing } = reachSummary(document);
  const tables = document.columns.flatMap(({ service, port, requests }, column) => {
    const at = cellsOf(document, column);
    const marked = (row: number) =>
      requests.map((_, request) => {
        const found = at(row, request);
        return found ? cellMark(found) : "-";
      });
    return [
      "",
      ...table(
        [
          cell(`${service.namespace}/${service.name}:${port}`),
          ...requests.map(({ method, path }) => cell(`${method} ${path}`)),
        ],
        document.senders.map(({ text }, row) => [text, ...marked(row)]),
      ),
    ];
  });
  return section("Who may reach what", [
    cell(headline),
    ...differing.map(
      (each) =>
        `- ${cell(requestText(document, each))}: configuration ${cell(decisionText(each.computed))}; mesh ${cell(decisionText(shownDecision(each)))}`,
    ),
    ...tables,
  ]);
}

/** A section with its heading; nothing when it is empty. */
const section = (title: string, lines: readonly string[]): string[] =>
  lines.length > 0 ? ["", `## ${title}`, "", ...lines] : [];

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map((row) => line(row.map(cell)))];
}

/** Text with the characters escaped that Markdown or HTML would interpret. */
const cell = (text: string): string => text.replace(/[\\`*_{}[\]<>|#]/g, "\\$&").replace(/\s+/g, " ");
