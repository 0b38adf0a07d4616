import { presentable } from "./redact";
import type { Cause, ExperimentResult, Finding, VerifyReport } from "./schema";

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const seconds = (ms: number): string => (ms / 1000).toFixed(3);

/** The report for a build server: an experiment is a test case; inconclusive is an error, known-upstream a skip. */
export function renderJUnit(raw: VerifyReport): string {
  const report = presentable(raw);
  const count = (...verdicts: string[]) => report.results.filter(({ verdict }) => verdicts.includes(verdict)).length;
  const problems = [...report.drift, ...report.health];
  const found = count("fail", "inconclusive") + problems.length;
  // Skipped experiments and known bugs prove nothing, and a build server reports a run without errors as passed.
  const unproven = report.verdict !== "pass" && found === 0;
  const errors = count("inconclusive") + (problems.length > 0 || unproven ? 1 : 0);
  const totals = `tests="${report.results.length + 1}" failures="${count("fail")}" errors="${errors}" skipped="${count("skipped", "known-upstream")}" time="${seconds(report.durationMs)}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${totals}>`,
    `  <testsuite name="ambient-lab ${escaped(report.stack)}" timestamp="${report.startedAt}" ${totals}>`,
    ...report.results.flatMap(testCase),
    ...stateCase(problems, unproven),
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

/** The test case about the state of the lab: drift, health problems, and a run without a passed experiment. */
function stateCase(causes: readonly Cause[], unproven: boolean): string[] {
  const open =
    '    <testcase classname="verify" name="state: The cluster is what the stack says, and well" time="0.000">';
  const text = escaped(causes.map(({ what, fix }) => `${what} (${fix})`).join("\n"));
  const message = escaped(causes[0]?.what ?? "");
  const body = [
    ...(causes.length > 0 ? [`      <error type="${causes[0]?.layer}" message="${message}">${text}</error>`] : []),
    ...(unproven
      ? ['      <error type="client" message="nothing was proven">No experiment of this run passed.</error>']
      : []),
  ];
  return [open, ...body, "    </testcase>"];
}

function testCase(result: ExperimentResult): string[] {
  const open = `    <testcase classname="verify" name="${escaped(`${result.id}: ${result.title}`)}" time="${seconds(result.durationMs)}">`;
  const bad = result.findings.filter(({ verdict }) => verdict === result.verdict);
  const text = escaped([...bad.flatMap(words), ...result.causes.map(({ what, fix }) => `${what} (${fix})`)].join("\n"));
  const message = escaped((result.verdict === "skipped" ? result.reason : bad[0]?.seen) ?? "");
  const body: Record<ExperimentResult["verdict"], string[]> = {
    pass: [],
    fail: [`      <failure type="${result.layer ?? "unknown"}" message="${message}">${text}</failure>`],
    inconclusive: [`      <error type="${result.layer ?? "unknown"}" message="${message}">${text}</error>`],
    skipped: [`      <skipped message="${message}"/>`],
    "known-upstream": [`      <skipped message="${message}"/>`],
  };
  return [open, ...body[result.verdict], "    </testcase>"];
}

const words = ({ name, seen, expected, decision }: Finding): string[] => [
  `${name}: ${seen}`,
  ...(expected ? [`expected: ${expected}`] : []),
  ...(decision?.line ? [decision.line] : []),
];

/** The report as versioned JSON; field `schema` names the version. */
export const renderJson = (report: VerifyReport): string => `${JSON.stringify(presentable(report), null, 2)}\n`;
