import type { Command } from "commander";
import { plannedLines, requireWithin } from "../../access/ask";
import { audit, planAudit } from "../../access/audit";
import { exitCodeFor, renderJson, renderJUnit, renderText } from "../../verify";
import {
  consentToRequests,
  isDryRun,
  type MeshOptions,
  meshOptions,
  namespacesOf,
  openMesh,
  requestProgress,
} from "../access/mesh";
import { isColoured } from "../terminal/io";
import { type CommandContext, examples, jsonText, saveReport } from "./common";

interface AuditOptions extends MeshOptions {
  junit?: string;
}

/** `audit`: the policies themselves: what their configuration shows, and the requests at the boundary of each rule. */
export function registerAudit(program: Command, { io, end }: CommandContext): void {
  const command = program
    .command("audit")
    .description("test the policies themselves: what each rule allows, what it must refuse, and which protect nothing");
  examples(
    meshOptions(command).option("--junit <file>", "write the report as JUnit XML to a file"),
    "npm run lab -- audit",
    "npm run lab -- audit --dry-run",
    "npm run lab -- audit --kubeconfig ~/.kube/staging --context staging --namespace shop",
  );
  command.action(async (options: AuditOptions) => {
    const { client, mesh, context, limits } = await openMesh(io, options);
    const plan = planAudit(mesh, namespacesOf(mesh, options));
    if (isDryRun(options, io)) {
      const lines = plannedLines(plan.requests);
      io.stdout.write(options.json ? jsonText(lines) : `${lines.join("\n")}\n`);
      return;
    }
    const requests = plan.requests.length;
    requireWithin(requests, limits);
    const senders = new Set(plan.requests.map(({ request }) => JSON.stringify(request.from))).size;
    await consentToRequests(io, { requests, senders, context }, options);
    const report = await audit(plan, {
      ...{ client, mesh, limits, context, clock: io.clock, signal: io.signal, cleanupSignal: () => io.nextSignal() },
      sent: requestProgress(io, requests),
    });
    if (options.junit) {
      saveReport(options.junit, renderJUnit(report), {
        why: "A missing report would be taken for a run that did not happen",
        fix: "npm run lab -- audit --junit FILE   (in a folder that exists and is writable)",
      });
    }
    const colour = isColoured(io) && Reflect.get(io.stdout, "isTTY") === true;
    io.stdout.write(options.json ? renderJson(report) : renderText(report, { colour, next: "npm run lab -- reach" }));
    end(exitCodeFor(report));
  });
}
