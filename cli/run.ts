import { Command, CommanderError } from "commander";
import { ExitCode, formatProblem } from "../host/errors";
import { shellWord } from "../host/shell";
import { registerBill } from "./commands/bill";
import { registerBundle } from "./commands/bundle";
import { type CommandContext, runAction } from "./commands/common";
import { registerConfig } from "./commands/config";
import { registerDestroy } from "./commands/destroy";
import { registerDoctor } from "./commands/doctor";
import { registerList } from "./commands/list";
import { registerOpen } from "./commands/open";
import { registerOutdated } from "./commands/outdated";
import { registerPause } from "./commands/pause";
import { registerPlan } from "./commands/plan";
import { registerPreview } from "./commands/preview";
import { registerReport } from "./commands/report";
import { registerResume } from "./commands/resume";
import { registerStatus } from "./commands/status";
import { registerToken } from "./commands/token";
import { registerTour } from "./commands/tour";
import { registerTraffic } from "./commands/traffic";
import { registerUp } from "./commands/up";
import { registerVerify } from "./commands/verify";
import type { CommonOptions } from "./stack/session";
import { stackToName } from "./stack/stack-name";
import { type Io, isColoured } from "./terminal/io";
import { refuseSwallowedOptions } from "./terminal/npm-options";
import { headlineOf } from "./terminal/problem-text";

/**
 * Runs the command line.
 * @returns the exit code; every problem has been printed
 */
export async function run(args: readonly string[], io: Io): Promise<ExitCode> {
  let option: string | undefined;
  return runAction(io, { args, stack: () => stackToName(option, io) }, async (context) => {
    const program = commandLine(context).hook("preAction", (_program, command) => {
      option = command.opts<CommonOptions>().stack;
    });
    refuseSwallowedOptions(program, args, io.env);
    try {
      await program.parseAsync(args, { from: "user" });
    } catch (thrown) {
      if (!(thrown instanceof CommanderError)) throw thrown;
      context.end(afterCommander(thrown, args, io));
    }
  });
}

/** All commands of the lab. */
export function commandLine(context: CommandContext): Command {
  const program = new Command("lab")
    .description("A full Istio ambient security lab on this machine")
    .usage("<command> [options]   (npm run lab -- <command> [options])")
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => void context.io.stdout.write(text),
      writeErr: (text) => void context.io.stderr.write(text),
      outputError: () => undefined,
    });
  for (const register of registrations) register(program, context);
  return program.addHelpText("after", firstSteps).hook("preAction", (_program, command) => {
    const { json, quiet } = command.opts<CommonOptions & { json?: boolean }>();
    if (json && !quiet && context.io.piped) nameBanner(context.io, [command.name(), ...command.args, "--json"]);
    // Problems go another way: they are printed by run() itself.
    if (command.opts<CommonOptions>().quiet) Object.assign(context.io, { stderr: { write: () => true }, live: false });
  });
}

/** npm's banner stands before the JSON on stdout, unless npm runs with --silent. */
function nameBanner({ env, stderr }: Io, words: readonly string[]): void {
  if (env.npm_lifecycle_event === undefined || env.npm_config_loglevel === "silent") return;
  stderr.write(
    `! npm prints two lines before this JSON; JSON alone: npm run --silent lab -- ${words.map(shellWord).join(" ")}\n`,
  );
}

const firstSteps = `
First steps:
  $ npm run up                          # a lab on this machine, proven
  $ npm run lab -- tour                 # its story, step by step
  $ npm run lab -- open kiali           # its traffic, as a graph
  $ npm run lab -- report               # what the proofs have seen, as a page
  $ npm run destroy                     # and nothing is left

Each command has examples of its own: npm run lab -- <command> --help
`;

const registrations = [
  registerUp,
  registerPreview,
  registerDestroy,
  registerConfig,
  registerDoctor,
  registerStatus,
  registerList,
  registerPause,
  registerResume,
  registerPlan,
  registerBill,
  registerBundle,
  registerOutdated,
  registerVerify,
  registerReport,
  registerOpen,
  registerTraffic,
  registerToken,
  registerTour,
] as const;

/** Help is an answer; everything else Commander throws is a mistyped command line. */
function afterCommander(error: CommanderError, args: readonly string[], io: Io): ExitCode {
  if (error.exitCode === 0) return ExitCode.pass;
  if (error.code === "commander.help") return ExitCode.usage;
  const problem = {
    what: error.message.replace(/^error: /, ""),
    why: "The command line is checked before anything is done",
    fix: `npm run lab -- ${args[0] && !args[0].startsWith("-") && error.code !== "commander.unknownCommand" ? `${args[0]} ` : ""}--help`,
  };
  io.stderr.write(`${headlineOf("lab", { colour: isColoured(io) })}${formatProblem(problem)}\n`);
  return ExitCode.usage;
}
