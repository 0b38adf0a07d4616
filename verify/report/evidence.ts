import { join } from "node:path";
import { objects, objectsOf } from "../../experiments/objects";
import type { LabObject } from "../../experiments/slices";
import { messageOf } from "../../host/errors";
import { writeWhole } from "../../host/write-file";
import type { VerifyContext } from "../context";
import { proxySummary } from "../proxy-config/read";
import { summaryLines } from "../proxy-config/text";
import { renderJson, renderJUnit } from "./formats";
import { presentable } from "./redact";
import type { ExperimentResult, Finding, ProxyConfiguration, VerifyReport } from "./schema";
import { renderText } from "./text";

interface Page {
  file: string;
  about: string;
  text: string;
}

/** Writes the evidence of a run: reports, a page for each experiment, configuration, objects, and an index. */
export async function writeEvidence(folder: string, report: VerifyReport, context: VerifyContext): Promise<void> {
  const shown = presentable(report);
  const pages: Page[] = [
    { file: "report.txt", about: "the report for a person", text: renderText(report, { colour: false }) },
    { file: "report.json", about: "the report for a program", text: renderJson(report) },
    { file: "report.xml", about: "the report for a build server (JUnit)", text: renderJUnit(report) },
    ...shown.results.map(experimentPage),
    ...(await Promise.all((["waypoint", "gateway"] as const).map((role) => proxyPages(context, role)))).flat(),
    await objectsPage(context),
  ];
  const attached = [...context.attachments].map(([file, { about, bytes }]) => ({ file, about, bytes }));
  const all = [indexPage(shown, [...pages, ...attached]), ...pages];
  const contents = [
    ...all.map(({ file, text }) => ({ file, content: text })),
    ...attached.map(({ file, bytes }) => ({ file, content: bytes })),
  ];
  for (const { file, content } of contents) writeWhole(join(folder, file), content, 0o600);
}

function experimentPage(result: ExperimentResult): Page {
  const layer = result.layer ? `, layer ${result.layer}` : "";
  const reason = result.reason ? ` (${result.reason})` : "";
  const text = [
    `# ${result.id}: ${result.title}`,
    "",
    `${result.verdict}${layer}${reason}, ${result.durationMs} ms`,
    ...result.findings.flatMap(findingLines),
    "",
  ].join("\n");
  return { file: `${result.id}.md`, about: `${result.verdict}: ${result.title}`, text };
}

const findingLines = ({ verdict, name, seen, expected, evidence }: Finding): string[] => [
  "",
  `## ${verdict}: ${name}`,
  "",
  `seen: ${seen}`,
  ...(expected ? [`expected: ${expected}`] : []),
  ...evidence.flatMap(({ source, lines }) => ["", `${source}:`, "", ...lines.map((line) => `    ${line}`)]),
];

async function proxyPages(context: VerifyContext, role: "waypoint" | "gateway"): Promise<Page[]> {
  const about = `listeners, filters, routes and endpoints of the ${role}`;
  const pages = (text: string, json: unknown): Page[] => [
    { file: `config-${role}.txt`, about, text: `${text}\n` },
    { file: `config-${role}.json`, about: `${about}, for a program`, text: `${JSON.stringify(json, null, 2)}\n` },
  ];
  try {
    const summary = presentable(await proxySummary(context, role));
    return pages(summaryLines(summary).join("\n"), summary);
  } catch (error) {
    const unavailable = presentable(messageOf(error));
    return pages(`unavailable: ${unavailable}`, { unavailable } satisfies ProxyConfiguration);
  }
}

async function objectsPage({ lab, facts, signal }: VerifyContext): Promise<Page> {
  const page = { file: "objects.json", about: "the lab's objects as the cluster holds them" };
  const held = async (name: LabObject) => {
    try {
      const object = await lab.read(objects[name], signal);
      return object ? presentable({ spec: object.spec, status: object.status }) : "does not exist";
    } catch (error) {
      return presentable(`unavailable: ${messageOf(error)}`);
    }
  };
  const found = await Promise.all(objectsOf(facts.settings).map(async (name) => [name, await held(name)] as const));
  return { ...page, text: `${JSON.stringify(Object.fromEntries(found), null, 2)}\n` };
}

function indexPage(report: VerifyReport, pages: readonly Pick<Page, "file" | "about">[]): Page {
  const versions = Object.entries(report.versions).map(([name, version]) => `${name} ${version}`);
  const text = [
    `# Evidence: ${report.stack}, ${report.startedAt}`,
    "",
    `Verdict ${report.verdict} after ${report.durationMs} ms on ${report.cluster}; ${versions.join(", ")}.`,
    "Certificates, keys, tokens and cookies are left out.",
    "",
    ...pages.map(({ file, about }) => `- [${file}](${file}): ${about}`),
    "",
  ].join("\n");
  return { file: "index.md", about: "this page", text };
}
