import { pathToFileURL } from "node:url";
import type { Command } from "commander";
import { ask } from "../../access/ask";
import { byRisk, computedMatrix, type ReachMatrix, reachDocument, withObservations } from "../../access/reach/matrix";
import type { ReachDocument } from "../../access/reach/schema";
import { reachSummary } from "../../access/reach/summary";
import { matrixText } from "../../access/reach/text";
import type { NamespacedName } from "../../access/types";
import { ExitCode, UsageError } from "../../host/errors";
import { agreedRun, listedOnly } from "../access/asking";
import { type MeshOptions, meshOptions, namespacesOf, openMesh } from "../access/mesh";
import { recordReach } from "../report/evidence";
import { isColouredOutput } from "../terminal/io";
import { type CommandContext, examples, jsonText, saveReport } from "./common";

interface ReachOptions extends MeshOptions {
  computed?: boolean;
  page?: string;
}

/** `reach`: shows the matrix of senders and Services, computed from the configuration and tested with requests. */
export function registerReach(program: Command, { io, end }: CommandContext): void {
  const command = program
    .command("reach")
    .description("show who may reach what: what the configuration says, and what the mesh does")
    .argument("[service...]", "Services, NAME or NAMESPACE/NAME (default: all of the namespaces)");
  examples(
    meshOptions(command)
      .option("--computed", "compute the matrix from the configuration, and send no request")
      .option("--page <file>", "write the matrix with its evidence as one HTML file"),
    "npm run lab -- reach",
    "npm run lab -- reach appb --computed",
    "npm run lab -- reach --page matrix.html",
    "npm run lab -- reach --kubeconfig ~/.kube/staging --context staging --namespace shop --dry-run",
  );
  command.action(async (services: string[], options: ReachOptions) => {
    const open = await openMesh(io, options);
    const namespaces = namespacesOf(open.mesh, options);
    const computed = computedMatrix(open.mesh, {
      namespaces,
      services: services.map((name) => nameIn(name, namespaces)),
    });
    requireCells(computed, namespaces);
    const asked = byRisk(computed.cells);
    const asks = asked.map((cell) => ({ request: cell.asked, computed: cell.computed }));
    if (listedOnly(io, { asks }, options)) return;
    const startedAt = io.clock.now();
    const matrix = options.computed
      ? computed
      : withObservations(computed, asked, await ask(asks, open.limits, await agreedRun(io, open, { asks }, options)));
    const document = reachDocument(matrix, { ...open, startedAt });
    // A part of the matrix would replace the last complete one in the report.
    if (open.stack !== undefined && !options.computed && services.length === 0 && !options.namespace) {
      const file = recordReach(open.stack, document);
      if (file) io.stderr.write(`Kept  ${file}   (npm run lab -- report shows it)\n`);
    }
    if (options.page !== undefined) await savePage(options.page, document);
    io.stdout.write(options.json ? jsonText(document) : matrixText(document, { colour: isColouredOutput(io) }));
    end(exitCodeOf(document));
  });

  async function savePage(file: string, document: ReachDocument): Promise<void> {
    const { reachPage } = await import("../report/html/reach-page.ts");
    saveReport(file, reachPage(document), {
      why: "A missing page would be taken for a run that did not happen",
      fix: "npm run lab -- reach --page FILE   (in a folder that exists and is writable)",
      mode: 0o600,
    });
    io.stderr.write(`${pathToFileURL(file).href}\n`);
  }
}

const nameIn = (text: string, [first = "default"]: readonly string[]): NamespacedName => {
  const [namespace = "", name] = text.split("/");
  return name === undefined ? { namespace: first, name: namespace } : { namespace, name };
};

function requireCells({ cells, columns }: ReachMatrix, namespaces: readonly string[]): void {
  if (cells.length > 0) return;
  throw new UsageError({
    what: columns.length === 0 ? "There is no such Service with a running pod" : "There is no sender",
    why: `Namespaces looked at: ${namespaces.join(", ") || "none, since none has the label istio.io/dataplane-mode=ambient"}`,
    fix: "npm run lab -- reach --help   (names namespaces and Services)",
  });
}

/** A difference is a failure; a cell that is not known, without one, makes the run inconclusive. */
function exitCodeOf(document: ReachDocument): ExitCode {
  const { differing, unknown } = reachSummary(document);
  if (differing.length > 0) return ExitCode.fail;
  return unknown.length > 0 ? ExitCode.inconclusive : ExitCode.pass;
}
