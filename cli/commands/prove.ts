import type { Command } from "commander";
import { asksOf, planQuestions, prove, requestCount } from "../../access/prove";
import { readQuestions } from "../../access/questions/parse";
import { askAndReport, type ReportedOptions, reportedOptions } from "../access/asking";
import { openMesh } from "../access/mesh";
import { type CommandContext, examples } from "./common";

/** `prove`: questions of the user's own, asked in the mesh of the lab or in any other. */
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
    // Mistakes in the files are told before the cluster is asked.
    const files = paths.map(readQuestions);
    const open = await openMesh(io, options);
    const planned = planQuestions(open.mesh, files, io.env);
    const asking = {
      asks: planned.flatMap(asksOf),
      most: requestCount(planned),
      junitFix: "npm run lab -- prove FILE --junit FILE   (in a folder that exists and is writable)",
    };
    await askAndReport(context, open, { ...asking, run: (run) => prove(planned, run) }, options);
  });
}
