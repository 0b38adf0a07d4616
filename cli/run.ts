import { Command, CommanderError, type OutputConfiguration } from "commander";
import { ExitCode, formatProblem } from "../host/errors";
import { shellWord } from "../host/shell";
import { type CommandContext, runAction } from "./commands/common";
import type { CommonOptions } from "./stack/session";
import { stackToName } from "./stack/stack-name";
import { type Io, isColoured } from "./terminal/io";
import { refuseSwallowedOptions } from "./terminal/npm-options";
import { headlineOf } from "./terminal/problem-text";

/**
 * Runs the command line.
 * @returns the exit code; errors have already been printed
 */
export async function run(args: readonly string[], io: Io): Promise<ExitCode> {
  let option: string | undefined;
  return runAction(io, { args, stack: () => stackToName(option, io) }, async (context) => {
    const program = (await commandLine(context, args[0])).hook("preAction", (_program, command) => {
      option = command.opts<CommonOptions>().stack;
    });
    const [name = "-"] = args;
    const ofCommand = commands[name] ? `${name} ` : "";
    await parseCommandLine(program, args, context, `npm run lab -- ${ofCommand}--help`);
  });
}

/**
 * Parses and runs a command line. A mistyped one ends with a problem and exit code 2.
 * @param help Fix of that problem
 */
export async function parseCommandLine(
  program: Command,
  args: readonly string[],
  { io, end }: Pick<CommandContext, "io" | "end">,
  help: string,
): Promise<void> {
  refuseSwallowedOptions(program, args, io.env);
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    // --help has printed its text.
    if (thrown.exitCode === 0) return;
    end(ExitCode.usage);
    if (thrown.code === "commander.help") return;
    const what = thrown.message.replace(/^error: /, "");
    const problem = { what, why: "The command line is checked before anything is done", fix: help };
    io.stderr.write(`${headlineOf(program.name(), { colour: isColoured(io) })}${formatProblem(problem)}\n`);
  }
}

/** Output of Commander. Its errors are printed by {@link parseCommandLine}. */
export const outputOf = ({ stdout, stderr }: Io): OutputConfiguration => ({
  writeOut: (text) => void stdout.write(text),
  writeErr: (text) => void stderr.write(text),
  outputError: () => undefined,
});

/** The command line with the command of that name; with all commands for an unknown name. */
export async function commandLine(context: CommandContext, name = ""): Promise<Command> {
  const program = new Command("lab")
    .description("A full Istio ambient security lab on this machine")
    .usage("<command> [options]   (npm run lab -- <command> [options])")
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput(outputOf(context.io));
  const named = Object.entries(commands).filter(([each]) => each === name);
  for (const [, load] of named.length > 0 ? named : Object.entries(commands)) (await load())(program, context);
  return program.addHelpText("after", firstSteps).hook("preAction", (_program, command) => {
    const { json, quiet } = command.opts<CommonOptions & { json?: boolean }>();
    if (json && !quiet && context.io.piped) warnOfBanner(context.io, [command.name(), ...command.args, "--json"]);
    // Problems are printed by runAction(), with its own `io`.
    if (command.opts<CommonOptions>().quiet) Object.assign(context.io, { stderr: { write: () => true }, live: false });
  });
}

/** Warns that npm prints its banner before the JSON, unless npm runs with --silent. */
function warnOfBanner({ env, stderr }: Io, words: readonly string[]): void {
  if (env.npm_lifecycle_event === undefined || env.npm_config_loglevel === "silent") return;
  stderr.write(
    `! npm prints two lines before this JSON; JSON alone: npm run --silent lab -- ${words.map(shellWord).join(" ")}\n`,
  );
}

const firstSteps = `
First steps:
  $ npm run up                          # create a lab on this machine and verify it
  $ npm run lab -- tour                 # go through its story, step by step
  $ npm run lab -- open kiali           # show its traffic as a graph
  $ npm run lab -- report               # show the evidence as a page
  $ npm run destroy                     # remove the lab

Each command has examples of its own: npm run lab -- <command> --help
`;

/** The commands in the order of the help. Only the file of the command that runs is loaded; the help needs all. */
const commands: Readonly<Record<string, () => Promise<(program: Command, context: CommandContext) => void>>> = {
  up: async () => (await import("./commands/up.ts")).registerUp,
  preview: async () => (await import("./commands/preview.ts")).registerPreview,
  destroy: async () => (await import("./commands/destroy.ts")).registerDestroy,
  config: async () => (await import("./commands/config.ts")).registerConfig,
  doctor: async () => (await import("./commands/doctor.ts")).registerDoctor,
  status: async () => (await import("./commands/status.ts")).registerStatus,
  list: async () => (await import("./commands/list.ts")).registerList,
  pause: async () => (await import("./commands/pause.ts")).registerPause,
  resume: async () => (await import("./commands/resume.ts")).registerResume,
  plan: async () => (await import("./commands/plan.ts")).registerPlan,
  bill: async () => (await import("./commands/bill.ts")).registerBill,
  bundle: async () => (await import("./commands/bundle.ts")).registerBundle,
  outdated: async () => (await import("./commands/outdated.ts")).registerOutdated,
  verify: async () => (await import("./commands/verify.ts")).registerVerify,
  prove: async () => (await import("./commands/prove.ts")).registerProve,
  reach: async () => (await import("./commands/reach.ts")).registerReach,
  audit: async () => (await import("./commands/audit.ts")).registerAudit,
  report: async () => (await import("./commands/report.ts")).registerReport,
  open: async () => (await import("./commands/open.ts")).registerOpen,
  traffic: async () => (await import("./commands/traffic.ts")).registerTraffic,
  token: async () => (await import("./commands/token.ts")).registerToken,
  tour: async () => (await import("./commands/tour.ts")).registerTour,
};
