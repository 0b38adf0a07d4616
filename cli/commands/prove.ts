import type { Command } from "commander";
import { plannedLines, requireWithin } from "../../access/ask";
import { asksOf, planQuestions, prove, requestCount } from "../../access/prove";
import { readQuestions } from "../../access/questions/parse";
import { exitCodeFor, renderJson, renderJUnit, renderText } from "../../verify";
import { consentToRequests, isDryRun, type MeshOptions, meshOptions, openMesh, requestProgress } from "../access/mesh";
import { isColoured } from "../terminal/io";
import { type CommandContext, examples, jsonText, saveReport } from "./common";

interface ProveOptions extends MeshOptions {
  junit?: string;
}

/** `prove`: questions of the user's own, asked in the mesh of the lab or in any other. */
export function registerProve(program: Command, { io, end }: CommandContext): void {
  const command = program
    .command("prove")
    .description("prove your own policies: who may reach what, and which layer decides")
    .argument("<file...>", "YAML files with questions (format: docs/how-to/prove-your-policies.md)");
  examples(
    meshOptions(command).option("--junit <file>", "write the report as JUnit XML to a file"),
    "npm run lab -- prove examples/questions/story.yaml",
    "npm run lab -- prove examples/questions/story.yaml --dry-run",
    "npm run lab -- prove questions.yaml --kubeconfig ~/.kube/staging --context staging --yes --junit report.xml",
  );
  command.action(async (paths: string[], options: ProveOptions) => {
    // Mistakes in the files are told before the cluster is asked.
    const files = paths.map(readQuestions);
    const { client, mesh, context, limits } = await openMesh(io, options);
    const planned = planQuestions(mesh, files, io.env);
    const asks = planned.flatMap(asksOf);
    if (isDryRun(options, io)) {
      const lines = plannedLines(asks);
      io.stdout.write(options.json ? jsonText(lines) : `${lines.join("\n")}\n`);
      return;
    }
    const requests = requestCount(planned);
    requireWithin(requests, limits);
    const senders = new Set(planned.map(({ request }) => JSON.stringify(request.from))).size;
    await consentToRequests(io, { requests, senders, context }, options);
    const report = await prove(planned, {
      ...{ client, mesh, limits, context, clock: io.clock, signal: io.signal, cleanupSignal: () => io.nextSignal() },
      sent: requestProgress(io, requests),
    });
    if (options.junit) {
      saveReport(options.junit, renderJUnit(report), {
        why: "A missing report would be taken for a run that did not happen",
        fix: "npm run lab -- prove FILE --junit FILE   (in a folder that exists and is writable)",
      });
    }
    const colour = isColoured(io) && Reflect.get(io.stdout, "isTTY") === true;
    io.stdout.write(options.json ? renderJson(report) : renderText(report, { colour, next: "npm run lab -- reach" }));
    end(exitCodeFor(report));
  });
}
