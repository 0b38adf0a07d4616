import type { Command } from "commander";
import { type Ask, plannedLines, requireWithin } from "../../access/ask";
import type { ProveOptions } from "../../access/prove";
import type { VerifyReport } from "../../verify";
import { type CommandContext, jsonText } from "../commands/common";
import { endWithReport } from "../commands/verify-report";
import { requireConsent } from "../terminal/consent";
import type { Io } from "../terminal/io";
import { type MeshOptions, meshOptions, type OpenMesh } from "./mesh";

/** The requests of a command. */
export interface Asking {
  asks: readonly Pick<Ask, "request" | "token">[];
  /** Maximum number of requests. @default one for each of `asks` */
  most?: number;
}

/**
 * With --dry-run, prints the requests instead of sending them. npm keeps the option for itself when it is not after "--".
 * @returns whether it printed them
 */
export function listedOnly(io: Io, { asks }: Asking, options: Pick<MeshOptions, "dryRun" | "json">): boolean {
  if (options.dryRun !== true && io.env.npm_config_dry_run !== "true") return false;
  const lines = plannedLines(asks);
  io.stdout.write(options.json ? jsonText(lines) : `${lines.join("\n")}\n`);
  return true;
}

/**
 * Asks for consent, and prepares the run with its progress.
 * @throws LabError (exit code 2) without consent, and for more requests than the limit
 */
export async function agreedRun(
  io: Io,
  { client, mesh, context, limits }: OpenMesh,
  { asks, most = asks.length }: Asking,
  options: Pick<MeshOptions, "yes" | "kubeconfig">,
): Promise<ProveOptions> {
  requireWithin(most, limits);
  // Requests to the lab need no consent.
  if (!options.yes && options.kubeconfig !== undefined) {
    const senders = new Set(asks.map(({ request }) => JSON.stringify(request.from))).size;
    const what = `${most} requests from ${senders} senders to the cluster of context "${context}"`;
    await requireConsent(io, `Send ${what}?`, {
      denied: "No request was sent",
      needed: `${what} need consent`,
      fix: "Add --yes, or --dry-run to see the requests",
    });
  }
  return {
    ...{ client, mesh, limits, context, clock: io.clock, signal: io.signal, cleanupSignal: () => io.nextSignal() },
    sent: requestProgress(io, most),
  };
}

/** On a terminal, shows the number of sent requests. */
function requestProgress({ live, stderr }: Pick<Io, "live" | "stderr">, requests: number): (count: number) => void {
  let sent = 0;
  return (count) => {
    sent += count;
    if (live) stderr.write(`\r${sent} of up to ${requests} requests sent${sent >= requests ? "\n" : ""}`);
  };
}

/** Options of the commands whose result is a report like that of `verify`. */
export interface ReportedOptions extends MeshOptions {
  junit?: string;
}

/** Adds the options of {@link ReportedOptions}. */
export const reportedOptions = (command: Command): Command =>
  meshOptions(command).option("--junit <file>", "write the report as JUnit XML to a file");

/**
 * Sends the requests and ends the command with the report; with --dry-run, only prints the requests.
 * @param command command line without options, for the Fix of a problem
 */
export async function askAndReport(
  context: CommandContext,
  open: OpenMesh,
  { command, run, ...asking }: Asking & { command: string; run: (options: ProveOptions) => Promise<VerifyReport> },
  options: ReportedOptions,
): Promise<void> {
  if (listedOnly(context.io, asking, options)) return;
  const report = await run(await agreedRun(context.io, open, asking, options));
  endWithReport(context, report, { ...options, command, next: "npm run lab -- reach" });
}
