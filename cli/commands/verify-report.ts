import { exitCodeFor, renderJson, renderJUnit, renderText, type VerifyReport } from "../../verify";
import { isColouredOutput } from "../terminal/io";
import { type CommandContext, saveReport } from "./common";

/** Options of {@link endWithReport}. */
export interface ReportOptions {
  json?: boolean;
  /** File for the report as JUnit XML. */
  junit?: string;
  /** Command line without options, for the Fix of a problem. */
  command: string;
  /** Command to suggest below the report. @default the report's own suggestion */
  next?: string;
}

/**
 * Ends a command with the report of its run: prints it, writes JUnit XML, and sets the exit code of the verdict.
 * @throws UsageError when the file cannot be written
 */
export function endWithReport({ io, end }: CommandContext, report: VerifyReport, options: ReportOptions): void {
  const { json, junit, command, next } = options;
  if (junit) {
    saveReport(junit, renderJUnit(report), {
      why: "A missing report would be taken for a run that did not happen",
      fix: `npm run lab -- ${command} --junit FILE   (in a folder that exists and is writable)`,
    });
  }
  io.stdout.write(json ? renderJson(report) : renderText(report, { colour: isColouredOutput(io), next }));
  end(exitCodeFor(report));
}
