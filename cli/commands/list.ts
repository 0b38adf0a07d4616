import type { Command } from "commander";
import { clusterState } from "../../host-check";
import { readOutputs } from "../outputs";
import { type CommonOptions, openSession, sessionEngine } from "../session";
import { type CommandContext, common, examples, json, jsonText } from "./common";

/** `list`: every lab of the backend. */
export function registerList(program: Command, { io }: CommandContext): void {
  const command = program.command("list").description("list the labs of this backend");
  examples(json(common(command)), "npm run lab -- list", "npm run lab -- list --json");
  command.action(async (options: CommonOptions & { json?: boolean }) => {
    const session = openSession(io, options);
    const engine = await sessionEngine(session, { install: false, makesClusters: false });
    const labs = [];
    for (const { name, lastUpdate, resourceCount } of await engine.list()) {
      const stack = name.split("/").at(-1) ?? name;
      const { url } = readOutputs(await engine.outputs(stack));
      const cluster = await clusterState(stack, io.exec);
      labs.push({ stack, lastUpdate: lastUpdate ?? "never", resources: resourceCount ?? 0, url: url ?? "", cluster });
    }
    if (options.json) io.stdout.write(jsonText(labs));
    else io.stdout.write(labs.length > 0 ? table(labs) : "There is no lab yet. Make one: npm run up\n");
  });
}

function table(rows: readonly Record<string, string | number>[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const width = (column: string) => Math.max(column.length, ...rows.map((row) => String(row[column]).length));
  const line = (cell: (column: string) => string) =>
    columns
      .map((column) => cell(column).padEnd(width(column)))
      .join("  ")
      .trimEnd();
  return `${[line((column) => column), ...rows.map((row) => line((column) => String(row[column])))].join("\n")}\n`;
}
