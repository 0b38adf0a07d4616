import { appendFileSync, mkdirSync } from "node:fs";
import { cpus, loadavg, platform, totalmem } from "node:os";
import { dirname } from "node:path";
import { seconds } from "../../cli/terminal/progress";
import { tableLines } from "../../host/table";

/** Operations that can be measured. */
export const measures = ["up", "again", "flip", "preview", "destroy"] as const;
export type Measure = (typeof measures)[number];

/** Series of timed runs: those of the lab, and their baselines. */
export type Series = Measure | "script" | "empty-up" | "empty-preview" | "kind-delete";

/** Milliseconds of every run of a series, in the order of the runs. */
export type Samples = Partial<Record<Series, readonly number[]>>;

/** A measured operation, and the baseline for its ratio. */
interface Target {
  measure: Measure;
  title: string;
  baseline: Series;
  /** Description of the baseline. */
  against: string;
  /** Highest ratio that passes. @default the ratio is printed and not judged */
  limit?: number;
}

export const targets: readonly Target[] = [
  { measure: "up", title: "cold up", baseline: "script", against: "the same parts, one after another", limit: 0.75 },
  { measure: "again", title: "second up", baseline: "empty-up", against: "up of an empty program" },
  { measure: "flip", title: "policy change", baseline: "again", against: "up without a change", limit: 1.3 },
  {
    ...{ measure: "preview", title: "no-op preview", baseline: "empty-preview" },
    ...{ against: "preview of an empty program", limit: 2 },
  },
  { measure: "destroy", title: "destroy", baseline: "kind-delete", against: "kind delete cluster", limit: 1.3 },
];

/** A row of the result: medians in milliseconds, and their ratio. */
export interface Row extends Target {
  labMs: number;
  baselineMs: number;
  ratio: number;
  /** Whether the ratio is within the limit; absent without a limit. */
  met?: boolean;
}

/** The middle value, or the mean of the two middle values. NaN for no values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
}

/** A row for each target with measurements of lab and baseline. */
export function judge(samples: Samples): Row[] {
  return targets.flatMap((target): Row[] => {
    const [labMs, baselineMs] = [median(samples[target.measure] ?? []), median(samples[target.baseline] ?? [])];
    const ratio = labMs / baselineMs;
    if (Number.isNaN(ratio)) return [];
    return [{ ...target, labMs, baselineMs, ratio, ...(target.limit ? { met: ratio <= target.limit } : {}) }];
  });
}

/** A run of the benchmark, as recorded in the history. */
export interface BenchRun {
  schema: "ambient-lab.bench/v2";
  at: string;
  machine: ReturnType<typeof thisMachine>;
  /** Load average of the minute before the first and after the last measurement. */
  load: { before: number; after: number };
  /** Versions of the tools, and the revision of the checkout. */
  versions: Record<string, string>;
  config: readonly string[];
  rounds: number;
  labs: number;
  samples: Samples;
  rows: readonly Row[];
}

/** Processors, memory and system of this machine. */
export const thisMachine = () => ({
  os: `${platform()}/${process.arch}`,
  cpu: cpus()[0]?.model.trim() ?? "unknown",
  cpus: cpus().length,
  memoryMiB: Math.round(totalmem() / 2 ** 20),
});

/** Load average of the last minute; 0 on Windows, which has none. */
export const load = (): number => loadavg()[0] ?? 0;

/** Appends a run to the history: one JSON object a line. */
export function keepRun(run: BenchRun, file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  appendFileSync(file, `${JSON.stringify(run)}\n`);
}

/** The machine and the table of ratios. */
export function benchText({ machine, load: { before, after }, rows }: BenchRun): string {
  const lines = [
    ["", "lab", "beside", "baseline", "ratio", "target", ""],
    ...rows.map(({ title, labMs, against, baselineMs, ratio, limit, met }) => [
      ...[title, seconds(labMs), against, seconds(baselineMs), ratio.toFixed(2)],
      ...[limit ? `≤ ${limit.toFixed(2)}` : "", met === undefined ? "" : met ? "✓" : "✗ missed"],
    ]),
  ];
  const { cpus: count, cpu, memoryMiB, os } = machine;
  return [
    `${count} × ${cpu}, ${(memoryMiB / 1024).toFixed(1)} GiB, ${os}; load ${before.toFixed(1)} to ${after.toFixed(1)}`,
    ...(before > count
      ? ["The machine was busy before the first measurement: the ratios say more than the times"]
      : []),
    "",
    ...tableLines(lines, [1, 3, 4, 5]),
    "",
  ].join("\n");
}
