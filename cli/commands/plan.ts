import type { Command } from "commander";
import { plannedArtifacts } from "../../artifacts/fetch";
import { labOwner } from "../../host/lab-owner";
import { gatewayPorts } from "../../host/ports";
import { projectFile } from "../../host/project-file";
import { planEntries, planGraph, planText, writeObjects } from "../plan/plan";
import { type CommonOptions, openSession } from "../stack/session";
import { type CommandContext, common, examples, json, jsonText } from "./common";

interface PlanOptions extends CommonOptions {
  json?: boolean;
  yaml?: string;
}

/** `plan`: shows what `up` would create, on a machine with only Node.js. */
export function registerPlan(program: Command, { io }: CommandContext): void {
  const command = program
    .command("plan")
    .description('show what "up" would create, in order; needs neither Docker nor network');
  examples(
    json(common(command)).option("--yaml <dir>", "write the Kubernetes objects to this folder, numbered in order"),
    "npm run lab -- plan",
    "npm run lab -- plan --yaml /tmp/lab",
  );
  command.action(async (options: PlanOptions) => {
    const { stack, config, progress } = openSession(io, options);
    // Loaded on demand: the SDK takes half a second, and the program must be loaded after the test runtime.
    const { recordProgram } = await import("../plan/record.ts");
    const declared = await recordProgram(projectFile().name, stack, async () => {
      const { declareLab } = await import("../../program/lab.ts");
      const host = gatewayPorts(config, stack);
      return declareLab({
        stack,
        owner: labOwner(io),
        organization: "",
        config,
        artifacts: plannedArtifacts(config),
        host,
      });
    });
    const graph = planGraph(declared);
    if (options.yaml) {
      const names = writeObjects(options.yaml, graph);
      progress.line(`${names.length} files in ${options.yaml}`);
    }
    const longest = graph.longest.map(({ resource }) => resource.name);
    io.stdout.write(
      options.json ? jsonText({ stack, longest, entries: planEntries(graph, config) }) : planText(stack, graph, config),
    );
  });
}
