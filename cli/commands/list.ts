import type { Command } from "commander";
import { type LabSummary, labsOf } from "../stack/list";
import { bytesText } from "../stack/memory";
import { type CommonOptions, openSession, sessionEngine } from "../stack/session";
import { type CommandContext, common, examples, json, jsonText } from "./common";

/** `list`: every lab of the backend. */
export function registerList(program: Command, { io }: CommandContext): void {
  const command = program.command("list").description("list the labs: address, versions, age, memory, last verdict");
  examples(json(common(command)), "npm run lab -- list", "npm run lab -- list --json");
  command.action(async (options: CommonOptions & { json?: boolean }) => {
    const session = openSession(io, options);
    const engine = await sessionEngine(session, { install: false, makesClusters: false });
    const labs = await labsOf(engine, io.exec);
    if (options.json) io.stdout.write(jsonText(labs));
    else
      io.stdout.write(labs.length > 0 ? listText(labs, io.clock.now()) : "There is no lab yet. Make one: npm run up\n");
  });
}

function listText(labs: readonly LabSummary[], now: number): string {
  const paused = labs.filter(({ cluster }) => cluster === "paused");
  const hints = paused.map(({ stack }) => `! ${stack} is paused: npm run lab -- resume --stack ${stack}\n`);
  return [table(labs.map((lab) => rowOf(lab, now))), ...hints].join("");
}

function rowOf({ stack, cluster, url, versions, madeAt, memoryBytes, verdict }: LabSummary, now: number) {
  return {
    stack,
    cluster,
    url: url ?? "-",
    istio: versions.istio ?? "-",
    kubernetes: versions.kubernetes ?? "-",
    age: madeAt ? age(now - Date.parse(madeAt)) : "-",
    memory: memoryBytes === undefined ? "-" : bytesText(memoryBytes),
    "last verdict": verdict ? `${verdict.verdict}, ${age(now - Date.parse(verdict.at))} ago` : "never proven",
  };
}

/** A length of time in its greatest unit: 40 s, 5 min, 3 h, 12 d. */
function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

function table(rows: readonly Record<string, string>[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const width = (column: string) => Math.max(column.length, ...rows.map((row) => (row[column] ?? "").length));
  const line = (cell: (column: string) => string) =>
    columns
      .map((column) => cell(column).padEnd(width(column)))
      .join("  ")
      .trimEnd();
  return `${[line((column) => column), ...rows.map((row) => line((column) => row[column] ?? ""))].join("\n")}\n`;
}
