import { seconds } from "../../cli/terminal/progress";
import type { BenchRun } from "./history";
import type { Row } from "./targets";
import type { Span } from "./types";

/** The result as text: the table of ratios, then where the time of the cold up goes. */
export function benchText(run: BenchRun): string {
  const { machine, load, rows, parts } = run;
  const memory = run.memory ? memoryLine(run.memory) : undefined;
  return [
    `${machine.cpus} × ${machine.cpu}, ${(machine.memoryMiB / 1024).toFixed(1)} GiB, ${machine.os}; load ${load.before.toFixed(1)} to ${load.after.toFixed(1)}`,
    ...(load.before > machine.cpus
      ? ["The machine was busy before it began: trust the ratios more than the times"]
      : []),
    "",
    ...table(rows),
    ...(memory ? ["", memory] : []),
    ...partLines("Cold up, by part (side by side)", parts.up),
    ...partLines(`The same parts one after another (${run.installer ?? ""})`, parts.script),
    ...partLines("Destroy, by part", parts.destroy),
    "",
  ].join("\n");
}

/** The lines of the ratios, aligned. */
export function table(rows: readonly Row[]): string[] {
  const cells = rows.map((row) => [
    row.title,
    amount(row.lab, row.unit),
    row.against,
    amount(row.floor, row.unit),
    row.ratio.toFixed(2),
    row.limit === undefined ? "" : `≤ ${row.limit.toFixed(2)}`,
    row.met === undefined ? "" : row.met ? "✓" : "✗ missed",
  ]);
  const lines = [["", "lab", "beside", "floor", "ratio", "target", ""], ...cells];
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  const left = new Set([0, 2, 6]);
  return lines.map((line) =>
    line
      .map((cell, column) => (left.has(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

const amount = (value: number, unit: Row["unit"]): string =>
  unit === "ms" ? seconds(value) : `${Math.round(value)} ${unit}`;

function memoryLine({ pods, nodesMiB }: NonNullable<BenchRun["memory"]>): string {
  const used = pods.map(({ usedMiB }) => usedMiB).filter((each) => each !== undefined);
  const sum = used.reduce((total, each) => total + each, 0);
  const uses = used.length === pods.length && pods.length > 0 ? `, ${sum} MiB in use` : "";
  const nodes = nodesMiB === undefined ? "" : `; the nodes take ${nodesMiB} MiB of Docker's memory`;
  return `Mesh: ${pods.length} pods${uses}${nodes}`;
}

/** Parts that take less would not be worth a line. */
const shortest = 500;

function partLines(title: string, parts: readonly Span[]): string[] {
  const long = parts.filter(({ ms }) => ms >= shortest);
  if (long.length === 0) return [];
  const width = Math.max(...long.map(({ name }) => name.length));
  const at = (ms: number) => `${(ms / 1000).toFixed(1)} s`.padStart(8);
  return [
    "",
    title,
    ...long.map(({ name, startMs, ms }) => `  ${name.padEnd(width)}  from ${at(startMs)}  took ${at(ms)}`),
  ];
}
