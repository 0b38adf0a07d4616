import type { Command } from "commander";
import { ask, plannedLines, requireWithin } from "../../access/ask";
import { matrixJson } from "../../access/reach/json";
import { agreement, byRisk, computedMatrix, type ReachMatrix, withObservations } from "../../access/reach/matrix";
import { matrixText } from "../../access/reach/text";
import type { NamespacedName } from "../../access/types";
import { ExitCode, UsageError } from "../../host/errors";
import {
  consentToRequests,
  isDryRun,
  type MeshOptions,
  meshOptions,
  namespacesOf,
  type OpenMesh,
  openMesh,
  requestProgress,
} from "../access/mesh";
import { isColoured } from "../terminal/io";
import { type CommandContext, examples, jsonText } from "./common";

interface ReachOptions extends MeshOptions {
  computed?: boolean;
}

/** `reach`: the matrix of senders and Services, computed from the configuration and then asked of the mesh. */
export function registerReach(program: Command, { io, end }: CommandContext): void {
  const command = program
    .command("reach")
    .description("show who may reach what: what the configuration says, and what the mesh does")
    .argument("[service...]", "Services, NAME or NAMESPACE/NAME (default: all of the namespaces)");
  examples(
    meshOptions(command).option("--computed", "compute the matrix from the configuration, and send no request"),
    "npm run lab -- reach",
    "npm run lab -- reach appb --computed",
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
    if (isDryRun(options, io)) {
      const lines = plannedLines(asked.map((cell) => ({ request: cell.asked })));
      io.stdout.write(options.json ? jsonText(lines) : `${lines.join("\n")}\n`);
      return;
    }
    const matrix = options.computed ? computed : await observed(computed, open, options);
    const colour = isColoured(io) && Reflect.get(io.stdout, "isTTY") === true;
    io.stdout.write(options.json ? jsonText(matrixJson(matrix, open)) : matrixText(matrix, { colour }));
    end(exitCodeOf(matrix));
  });

  async function observed(computed: ReachMatrix, { client, mesh, context, limits }: OpenMesh, options: ReachOptions) {
    const asked = byRisk(computed.cells);
    requireWithin(asked.length, limits);
    await consentToRequests(io, { requests: asked.length, senders: computed.senders.length, context }, options);
    const observations = await ask(
      asked.map(({ asked: request, computed: said }) => ({ request, computed: said })),
      limits,
      {
        ...{ client, mesh, clock: io.clock, signal: io.signal, cleanupSignal: () => io.nextSignal() },
        sent: requestProgress(io, asked.length),
      },
    );
    return withObservations(computed, asked, observations);
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
function exitCodeOf({ cells }: ReachMatrix): ExitCode {
  const asked = cells.filter(({ observed: seen }) => seen !== undefined).map(agreement);
  if (asked.includes("differ")) return ExitCode.fail;
  return asked.includes("unknown") ? ExitCode.inconclusive : ExitCode.pass;
}
