import picocolors from "picocolors";
import { costLines } from "../cost/judge";
import { textsAt } from "../json";
import { presentable } from "./redact";
import type { Cause, ExperimentResult, Finding, Verdict, VerifyReport } from "./schema";

const marks: Record<Verdict, string> = { pass: "✓", fail: "✗", inconclusive: "?", skipped: "–", "known-upstream": "!" };

/**
 * The report for a person: a line an experiment, details where it is no pass, the next command at the end.
 * @param options.next the command instead of one of `verify`
 */
export function renderText(raw: VerifyReport, options: { colour: boolean; next?: string }): string {
  const paint = painter(options.colour);
  const report = presentable(raw);
  return [
    ...report.results.flatMap((result) => resultLines(result, paint)),
    ...causeLines("Drift: the cluster is not what the stack says", report.drift),
    ...causeLines("Not well", report.health),
    ...report.notes.map((note) => `\nNote: ${note}`),
    "",
    summaryLine(report, paint),
    ...(options.next === undefined ? nextLines(report) : [`Next  ${options.next}`]),
    "",
  ].join("\n");
}

type Paint = Record<Verdict | "dim", (text: string) => string>;

function painter(colour: boolean): Paint {
  const { green, red, yellow, gray, cyan } = picocolors.createColors(colour);
  return { pass: green, fail: red, inconclusive: yellow, skipped: gray, "known-upstream": cyan, dim: gray };
}

/** The mark of a verdict. */
export const verdictMark = (verdict: Verdict, options: { colour: boolean }): string =>
  painter(options.colour)[verdict](marks[verdict]);

/** The line of an experiment, shown during a run. */
export const renderLine = (result: ExperimentResult, options: { colour: boolean }): string =>
  headline(presentable(result), painter(options.colour));

function headline({ verdict, title, id, durationMs, reason }: ExperimentResult, paint: Paint): string {
  const tail = reason ? ` (${reason})` : "";
  return `${paint[verdict](marks[verdict])} ${title}${tail} ${paint.dim(`${id} ${(durationMs / 1000).toFixed(1)} s`)}`;
}

function resultLines(result: ExperimentResult, paint: Paint): string[] {
  const measured = result.findings
    .flatMap(({ cost }) => (cost ? costLines(cost) : []))
    .map((line) => `    ${line}`.trimEnd());
  const head = headline(result, paint);
  if (result.verdict === "pass" || result.verdict === "skipped") return [head, ...measured];
  const bad = result.findings.filter(
    ({ verdict }) => verdict === "fail" || verdict === "inconclusive" || verdict === result.verdict,
  );
  const because = result.causes.map(({ kind, what }) => `    because (${kind}) ${what}`);
  return [
    head,
    ...(result.layer ? [`    layer    ${result.layer}`] : []),
    ...because,
    ...bad.flatMap((finding) => findingLines(finding, paint)),
    ...measured,
  ];
}

function findingLines({ name, verdict, seen, expected, decision }: Finding, paint: Paint): string[] {
  return [
    `    ${paint[verdict](marks[verdict])} ${name}`,
    `      seen     ${seen}`,
    ...(expected ? [`      expected ${expected}`] : []),
    ...(decision?.line ? [`      log      ${decision.line}`] : []),
  ];
}

function causeLines(title: string, causes: readonly Cause[]): string[] {
  if (causes.length === 0) return [];
  const fixes = [...new Set(causes.map(({ fix }) => fix))];
  return [
    "",
    title,
    ...causes.map(({ layer, what }) => `    ${layer}: ${what}`),
    ...fixes.map((fix) => `    Fix  ${fix}`),
  ];
}

function summaryLine({ results, verdict, durationMs }: VerifyReport, paint: Paint): string {
  const words = (["pass", "fail", "inconclusive", "known-upstream", "skipped"] as const)
    .map((kind) => ({ kind, count: results.filter((result) => result.verdict === kind).length }))
    .filter(({ count }) => count > 0)
    .map(({ kind, count }) => `${count} ${kind}`);
  return `${paint[verdict](verdict.toUpperCase())}  ${words.join(", ")} in ${(durationMs / 1000).toFixed(0)} s`;
}

function nextLines({ results, verdict, drift, stack, settings }: VerifyReport): string[] {
  const ofStack = `--stack ${stack}`;
  if (verdict === "pass") {
    const graph = textsAt(settings, "addons").includes("kiali");
    return [`Next  npm run lab -- ${graph ? "open kiali" : "verify --explain bypass"} ${ofStack}`];
  }
  const ids = results
    .filter((result) => result.verdict === "fail" || result.verdict === "inconclusive")
    .map(({ id }) => id);
  const again = `npm run lab -- verify ${[...ids, ofStack].join(" ")} --evidence evidence`;
  const up = `npm run up -- ${ofStack}   (makes the cluster what the stack says)`;
  return [`Next  ${drift.length > 0 ? up : again}`];
}
