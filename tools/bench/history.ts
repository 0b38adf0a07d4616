import { createHash } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { arch, cpus, hostname, platform, totalmem } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { labHome } from "../../host/paths";
import { allSeries, measures } from "./types";

const pod = z.object({
  namespace: z.string(),
  name: z.string(),
  requestedMiB: z.number(),
  usedMiB: z.number().optional(),
});
const span = z.object({ name: z.string(), startMs: z.number(), ms: z.number() });
const spans = z.array(span).readonly().default([]);
const row = z.object({
  measure: z.enum(measures),
  title: z.string(),
  unit: z.enum(["ms", "MiB"]),
  lab: z.number(),
  floor: z.number(),
  ratio: z.number(),
  against: z.string(),
  limit: z.number().optional(),
  met: z.boolean().optional(),
});

/** One run of the benchmark, as the history keeps it. */
export const runSchema = z.object({
  schema: z.literal("ambient-lab.bench/v1"),
  at: z.string(),
  machine: z.object({
    /** Tells machines apart without naming them. */
    id: z.string(),
    os: z.string(),
    cpu: z.string(),
    cpus: z.number(),
    memoryMiB: z.number(),
  }),
  /** Average of processes that ran or waited in the minute before the first and after the last run. */
  load: z.object({ before: z.number(), after: z.number() }),
  versions: z.record(z.string(), z.string()),
  /** Revision of the checkout, where it is one. */
  commit: z.string().optional(),
  config: z.array(z.string()),
  rounds: z.number(),
  labs: z.number(),
  /** What the script installs charts with. */
  installer: z.enum(["helm", "kubectl"]).optional(),
  rows: z.array(row),
  samples: z.partialRecord(z.enum(allSeries), z.array(z.number()).readonly()),
  /** Parts of the last cold up, script and destroy. */
  parts: z.object({ up: spans, script: spans, destroy: spans }),
  memory: z.object({ pods: z.array(pod).readonly(), nodesMiB: z.number().optional() }).optional(),
});
export type BenchRun = z.infer<typeof runSchema>;

/** Folder of the benchmark's history and plots. */
export const benchHome = (): string => join(labHome(), "bench");

/** File of the history: one run a line. */
export const historyFile = (): string => join(benchHome(), "history.jsonl");

/** The machine that this is. */
export function thisMachine(): BenchRun["machine"] {
  const [first] = cpus();
  const cpu = first?.model.trim() ?? "unknown";
  const id = createHash("sha256").update(`${hostname()} ${cpu} ${cpus().length}`).digest("hex").slice(0, 12);
  return { id, os: `${platform()}/${arch()}`, cpu, cpus: cpus().length, memoryMiB: Math.round(totalmem() / 2 ** 20) };
}

/** Adds a run to the history. */
export function keepRun(run: BenchRun): void {
  mkdirSync(benchHome(), { recursive: true });
  appendFileSync(historyFile(), `${JSON.stringify(run)}\n`);
}

/** The runs of one machine in order. A line that was cut off, or that another version wrote, is passed over. */
export function pastRuns(machine: string): BenchRun[] {
  if (!existsSync(historyFile())) return [];
  return readFileSync(historyFile(), "utf8")
    .split("\n")
    .filter(Boolean)
    .flatMap((line) => {
      const run = runSchema.safeParse(jsonOf(line));
      return run.success && run.data.machine.id === machine ? [run.data] : [];
    });
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
