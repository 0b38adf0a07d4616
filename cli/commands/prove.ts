import type { Command } from "commander";
import { asksOf, planQuestions, prove, requestCount } from "../../access/prove";
import { readQuestions } from "../../access/questions/parse";
import { askAndReport, type ReportedOptions, reportedOptions } from "../access/asking";
import { openMesh } from "../access/mesh";
import { type CommandContext, examples } from "./common";

/** `prove`: tests the user's own questions in the mesh of the lab or any other. */
export function registerProve(program: Command, context: CommandContext): void {
  const { io } = context;
  const command = program
    .command("prove")
    .description("prove your own policies: who may reach what, and which layer decides")
    .argument("<file...>", "YAML files with questions (format: docs/how-to/prove-your-policies.md)");
  examples(
    reportedOptions(command),
    "npm run lab -- prove examples/questions/story.yaml",
    "npm run lab -- prove examples/questions/story.yaml --dry-run",
    "npm run lab -- prove questions.yaml --kubeconfig ~/.kube/staging --context staging --yes --junit report.xml",
  );
  command.action(async (paths: string[], options: ReportedOptions) => {
    // Errors in the files are reported before the cluster is read.
    const files = paths.map(readQuestions);
    const open = await openMesh(io, options);
    const planned = planQuestions(open.mesh, files, io.env);
    const asking = {
      asks: planned.flatMap(asksOf),
      most: requestCount(planned),
      command: "prove FILE",
    };
    await askAndReport(context, open, { ...asking, run: (run) => prove(planned, run) }, options);
  });
}
