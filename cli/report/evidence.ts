import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type ReachDocument, reachSchema } from "../../access/reach/schema";
import { messageOf, UsageError } from "../../host/errors";
import { labHome } from "../../host/paths";
import { writeWhole } from "../../host/write-file";
import type { HttpChain } from "../../verify/proxy-config/envoy-dump";
import {
  type ProxyConfiguration,
  proxyConfigurationSchema,
  reportSchema,
  type VerifyReport,
} from "../../verify/report/schema";
import type { Phase } from "../terminal/progress";

const timelineSchema = z.object({
  schema: z.literal("ambient-lab.timeline/v1"),
  stack: z.string(),
  startedAt: z.string(),
  phases: z.array(z.object({ title: z.string(), startMs: z.number(), ms: z.number() })),
});

/** The phases of an `up` and the time that each took. */
export type Timeline = z.infer<typeof timelineSchema>;

/** Content of an evidence folder. */
export interface EvidenceFolder {
  folder: string;
  report: VerifyReport;
  /** Configuration of the proxies; absent in a folder of an earlier version. */
  waypoint?: ProxyConfiguration;
  gateway?: ProxyConfiguration;
  /** Absent unless `up` wrote the evidence. */
  timeline?: Timeline;
  /** Absent unless `reach` ran after the experiments. */
  reach?: ReachDocument;
}

/** The waypoint's filter chains for requests to Services, without those for probes and metrics. */
export const serviceChains = ({ waypoint }: EvidenceFolder): readonly HttpChain[] =>
  waypoint && "http" in waypoint ? waypoint.http.filter(({ chain }) => chain.startsWith("inbound-vip")) : [];

/** Folder of the evidence of a stack. `destroy` does not delete it. */
export const evidenceHome = (stack: string): string => join(labHome(), "evidence", stack);

/** Folders that are searched for evidence: the one in the documentation, and the one of the stack. */
export const evidencePlaces = (stack: string): string[] => ["evidence", evidenceHome(stack)];

/** Names of the files that the report reads. */
const evidenceFiles = {
  report: "report.json",
  waypoint: "config-waypoint.json",
  gateway: "config-gateway.json",
  timeline: "timeline.json",
  reach: "reach.json",
} as const;

/**
 * Reads an evidence folder.
 * @throws UsageError when it has no report that this version can read
 */
export function readEvidence(folder: string): EvidenceFolder {
  const optional = <T>(file: string, schema: z.ZodType<T>) =>
    existsSync(join(folder, file)) ? parsed(folder, file, schema) : undefined;
  return {
    folder,
    report: parsed(folder, evidenceFiles.report, reportSchema),
    waypoint: optional(evidenceFiles.waypoint, proxyConfigurationSchema),
    gateway: optional(evidenceFiles.gateway, proxyConfigurationSchema),
    timeline: optional(evidenceFiles.timeline, timelineSchema),
    reach: optional(evidenceFiles.reach, reachSchema),
  };
}

/**
 * The newest evidence folder: one of the given places, or a folder in one of them.
 * @throws UsageError when there is none
 */
export function newestEvidence(places: readonly string[]): string {
  const [newest] = evidenceFolders(places);
  if (newest !== undefined) return newest;
  throw new UsageError({
    what: `There is no evidence in ${places.map((place) => `"${place}"`).join(" or ")}`,
    why: "The report shows the evidence of a run of the experiments",
    fix: "npm run lab -- verify --evidence evidence",
  });
}

/** Evidence folders: the given places and the folders in them, the newest first. */
const evidenceFolders = (places: readonly string[]): string[] =>
  places
    .flatMap((place) => [place, ...foldersIn(place)])
    .filter((folder) => existsSync(join(folder, evidenceFiles.report)))
    .map((folder) => ({ folder, at: statSync(join(folder, evidenceFiles.report)).mtimeMs }))
    .sort((a, b) => b.at - a.at)
    .map(({ folder }) => folder);

function foldersIn(place: string): string[] {
  if (!existsSync(place) || !statSync(place).isDirectory()) return [];
  return readdirSync(place, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(place, entry.name));
}

function parsed<T>(folder: string, file: string, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(readFileSync(join(folder, file), "utf8")));
  } catch (cause) {
    const first = messageOf(cause).split("\n").slice(0, 6).join("\n");
    throw new UsageError(
      {
        what: `Cannot read "${join(folder, file)}": ${first}`,
        why: "The report can be made only of an evidence folder of this version",
        fix: "npm run lab -- verify --evidence evidence && npm run lab -- report --evidence evidence",
      },
      cause,
    );
  }
}

/** Number of folders that are kept for a stack. */
const keptFolders = 10;

/** Path of a new folder for the evidence of a run. The oldest folders of the stack are deleted. */
export const newEvidence = (stack: string, now = new Date()): string => newFolder(evidenceHome(stack), now);

/** Path of a new folder in `home`, named by the time. The oldest folders in `home` are deleted. */
export function newFolder(home: string, now = new Date()): string {
  const old = existsSync(home)
    ? readdirSync(home)
        .sort()
        .reverse()
        .slice(keptFolders - 1)
    : [];
  for (const name of old) rmSync(join(home, name), { recursive: true, force: true });
  return join(home, now.toISOString().replaceAll(":", "-"));
}

/** Adds the phases of an `up` to the evidence of its experiments, if there is any. */
export function recordTimeline(folder: string, stack: string, phases: readonly Phase[]): void {
  if (!existsSync(folder)) return;
  const begun = new Date(Date.now() - Math.max(0, ...phases.map(({ startMs, ms }) => startMs + ms)));
  const timeline: Timeline = {
    schema: "ambient-lab.timeline/v1",
    stack,
    startedAt: begun.toISOString(),
    phases: phases.map((phase) => ({ ...phase, startMs: Math.round(phase.startMs), ms: Math.round(phase.ms) })),
  };
  writeWhole(join(folder, evidenceFiles.timeline), `${JSON.stringify(timeline, null, 2)}\n`, 0o600);
}

/**
 * Adds a matrix to the newest evidence of a stack, for the report.
 * @returns the file; undefined without evidence
 */
export function recordReach(stack: string, matrix: ReachDocument): string | undefined {
  const [folder] = evidenceFolders([evidenceHome(stack)]);
  if (folder === undefined) return undefined;
  const file = join(folder, evidenceFiles.reach);
  writeWhole(file, `${JSON.stringify(matrix, null, 2)}\n`, 0o600);
  return file;
}
