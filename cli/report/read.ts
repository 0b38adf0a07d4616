import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { z } from "zod";
import { ExitCode, LabError, messageOf } from "../../host/errors";
import { reportSchema, type VerifyReport } from "../../verify/report/schema";
import { type Timeline, timelineSchema } from "./schema";

/** An evidence folder in memory. */
export interface EvidenceFolder {
  folder: string;
  report: VerifyReport;
  /** Configuration of the proxies as text; absent when the run did not get that far. */
  waypoint?: string;
  gateway?: string;
  /** Absent unless `up` was recorded. */
  timeline?: Timeline;
}

/** Names of the files that the report reads. */
export const evidenceFiles = {
  report: "report.json",
  waypoint: "config-waypoint.txt",
  gateway: "config-gateway.txt",
  timeline: "timeline.json",
} as const;

/**
 * Reads an evidence folder.
 * @throws LabError (exit code 2) when it holds no report that this version understands
 */
export function readEvidence(folder: string): EvidenceFolder {
  const report = parsed(folder, evidenceFiles.report, reportSchema);
  const timeline = existsSync(join(folder, evidenceFiles.timeline))
    ? parsed(folder, evidenceFiles.timeline, timelineSchema)
    : undefined;
  const [waypoint, gateway] = [text(folder, evidenceFiles.waypoint), text(folder, evidenceFiles.gateway)];
  return {
    folder,
    report,
    ...(waypoint === undefined ? {} : { waypoint }),
    ...(gateway === undefined ? {} : { gateway }),
    ...(timeline ? { timeline } : {}),
  };
}

/**
 * The evidence folder that was written last: one of the given places, or a folder in one of them.
 * @throws LabError (exit code 2) when there is none
 */
export function newestEvidence(places: readonly string[]): string {
  const candidates = places
    .flatMap((place) => [place, ...foldersIn(place)])
    .filter((folder) => existsSync(join(folder, evidenceFiles.report)))
    .map((folder) => ({ folder, at: statSync(join(folder, evidenceFiles.report)).mtimeMs }))
    .sort((a, b) => b.at - a.at);
  if (candidates[0]) return candidates[0].folder;
  throw new LabError(
    {
      what: `There is no evidence in ${places.map((place) => `"${place}"`).join(" or ")}`,
      why: "The report shows what a run of the proofs has seen; it asks the lab nothing itself",
      fix: "npm run lab -- verify --evidence evidence",
    },
    { exitCode: ExitCode.usage },
  );
}

function foldersIn(place: string): string[] {
  if (!existsSync(place) || !statSync(place).isDirectory()) return [];
  return readdirSync(place, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(place, entry.name));
}

function text(folder: string, file: string): string | undefined {
  const path = join(folder, file);
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

function parsed<T>(folder: string, file: string, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(readFileSync(join(folder, file), "utf8")));
  } catch (cause) {
    const first = messageOf(cause).split("\n").slice(0, 6).join("\n");
    throw new LabError(
      {
        what: `Cannot read "${join(folder, file)}": ${first}`,
        why: "A report of something else than an evidence folder of this version would show wrong things",
        fix: "npm run lab -- verify --evidence evidence && npm run lab -- report --evidence evidence",
      },
      { exitCode: ExitCode.usage, cause },
    );
  }
}
