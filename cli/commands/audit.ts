import type { Command } from "commander";
import { audit, auditAsks, planAudit } from "../../access/audit";
import { askAndReport, type ReportedOptions, reportedOptions } from "../access/asking";
import { namespacesOf, openMesh } from "../access/mesh";
import { type CommandContext, examples } from "./common";

/** `audit`: tests the policies: findings in their configuration, and requests at the boundary of each rule. */
export function registerAudit(program: Command, context: CommandContext): void {
  const command = program
    .command("audit")
    .description("test the policies themselves: what each rule allows, what it must refuse, and which protect nothing");
  examples(
    reportedOptions(command),
    "npm run lab -- audit",
    "npm run lab -- audit --dry-run",
    "npm run lab -- audit --kubeconfig ~/.kube/staging --context staging --namespace shop",
  );
  command.action(async (options: ReportedOptions) => {
    const open = await openMesh(context.io, options);
    const plan = planAudit(open.mesh, namespacesOf(open.mesh, options));
    const asking = {
      asks: auditAsks(plan),
      command: "audit",
    };
    await askAndReport(context, open, { ...asking, run: (run) => audit(plan, run) }, options);
  });
}
