import type { Command } from "commander";
import { type Ask, plannedLines, requireWithin } from "../../access/ask";
import type { ProveOptions } from "../../access/prove";
import { ExitCode, LabError } from "../../host/errors";
import { exitCodeFor, renderJson, renderJUnit, renderText, type VerifyReport } from "../../verify";
import { type CommandContext, jsonText, saveReport } from "../commands/common";
import { type Io, isColoured } from "../terminal/io";
import { type MeshOptions, meshOptions, type OpenMesh } from "./mesh";

/** What a command asks a mesh. */
export interface Asking {
  asks: readonly Pick<Ask, "request" | "token">[];
  /** Requests that are sent at most. @default one for each of `asks` */
  most?: number;
}

/**
 * Lists the requests where none may be sent. npm knows the option as well, and keeps it where "--" does not stand before it.
 * @returns whether it did
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
  const senders = new Set(asks.map(({ request }) => JSON.stringify(request.from))).size;
  await requireConsent(io, { requests: most, senders, context }, options);
  return {
    ...{ client, mesh, limits, context, clock: io.clock, signal: io.signal, cleanupSignal: () => io.nextSignal() },
    sent: requestProgress(io, most),
  };
}

async function requireConsent(
  io: Io,
  { requests, senders, context }: { requests: number; senders: number; context: string },
  options: Pick<MeshOptions, "yes" | "kubeconfig">,
): Promise<void> {
  // A lab is there to be asked.
  if (options.yes || options.kubeconfig === undefined) return;
  const what = `${requests} requests from ${senders} senders to the cluster of context "${context}"`;
  if (await io.confirm?.(`Send ${what}?`)) return;
  throw new LabError(
    {
      what: io.confirm ? "No request was sent" : `${what} need consent`,
      why: io.confirm ? "You did not agree" : "Without a terminal the lab cannot ask",
      fix: "Add --yes, or --dry-run to see the requests",
    },
    { exitCode: ExitCode.usage },
  );
}

/** Shows on a terminal how many of the requests have been sent. */
function requestProgress({ live, stderr }: Pick<Io, "live" | "stderr">, requests: number): (count: number) => void {
  let sent = 0;
  return (count) => {
    sent += count;
    if (live) stderr.write(`\r${sent} of up to ${requests} requests sent${sent >= requests ? "\n" : ""}`);
  };
}

/** Options of the commands whose answer is a report as `verify` has it. */
export interface ReportedOptions extends MeshOptions {
  junit?: string;
}

/** Adds the options that {@link ReportedOptions} holds. */
export const reportedOptions = (command: Command): Command =>
  meshOptions(command).option("--junit <file>", "write the report as JUnit XML to a file");

/** Lists the requests, or sends them and ends with the report and its exit code. */
export async function askAndReport(
  { io, end }: CommandContext,
  open: OpenMesh,
  { junitFix, run, ...asking }: Asking & { junitFix: string; run: (options: ProveOptions) => Promise<VerifyReport> },
  options: ReportedOptions,
): Promise<void> {
  if (listedOnly(io, asking, options)) return;
  const report = await run(await agreedRun(io, open, asking, options));
  if (options.junit) {
    saveReport(options.junit, renderJUnit(report), {
      why: "A missing report would be taken for a run that did not happen",
      fix: junitFix,
    });
  }
  const colour = isColoured(io) && Reflect.get(io.stdout, "isTTY") === true;
  io.stdout.write(options.json ? renderJson(report) : renderText(report, { colour, next: "npm run lab -- reach" }));
  end(exitCodeFor(report));
}
