import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Command } from "commander";
import { type EvidenceFolder, evidencePlaces, newestEvidence, readEvidence } from "../report/evidence";
import { resolveStack } from "../stack/stack-name";
import type { Io } from "../terminal/io";
import { type CommandContext, common, examples, json, jsonText, saveReport } from "./common";

interface ReportOptions {
  stack?: string;
  evidence?: string;
  out?: string;
  markdown?: string;
  json?: boolean;
}

/** `report`: makes one HTML page of an evidence folder. */
export function registerReport(program: Command, { io }: CommandContext): void {
  const command = program.command("report").description("make one self-contained HTML page of the evidence");
  examples(
    json(common(command))
      .option("--evidence <dir>", "folder that a run of verify has written (default: the newest)")
      .option("--out <file>", "HTML file to write (default: report.html in that folder)")
      .option("--markdown <file>", "also write the report as Markdown"),
    "npm run lab -- report",
    "npm run lab -- verify --evidence evidence && npm run lab -- report --evidence evidence",
    "npm run lab -- report --out lab.html --markdown lab.md",
  );
  command.action(async (options: ReportOptions) => {
    const written = await writeReport(io, options);
    const { stack, verdict, startedAt } = written.evidence.report;
    if (options.json) {
      io.stdout.write(jsonText({ stack, verdict, startedAt, evidence: written.evidence.folder, files: written.files }));
      return;
    }
    io.stderr.write(`Lab "${stack}": ${verdict}, proven ${startedAt}\n`);
    io.stdout.write(`${written.files.map((file) => pathToFileURL(file).href).join("\n")}\n`);
  });
}

/**
 * Writes the report of an evidence folder.
 * @returns the written files, the page first
 * @throws UsageError without evidence, or when a file cannot be written
 */
export async function writeReport(
  io: Io,
  options: ReportOptions,
): Promise<{ evidence: EvidenceFolder; files: readonly string[] }> {
  const folder = options.evidence ?? newestEvidence(evidencePlaces(resolveStack(options.stack, io)));
  const evidence = readEvidence(resolve(folder));
  // Plots take a second to load: they are loaded only for a report.
  const [{ renderHtml }, { renderMarkdown }] = await Promise.all([
    import("../report/html/page.ts"),
    import("../report/markdown.ts"),
  ]);
  const page = resolve(options.out ?? join(folder, "report.html"));
  save(page, await renderHtml(evidence));
  if (!options.markdown) return { evidence, files: [page] };
  const markdown = resolve(options.markdown);
  save(markdown, renderMarkdown(evidence));
  return { evidence, files: [page, markdown] };
}

const save = (file: string, text: string) =>
  saveReport(file, text, {
    why: "The result of the command is this file",
    fix: "npm run lab -- report --out FILE   (in a folder that is writable)",
    mode: 0o600,
  });
