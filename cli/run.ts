import { Command, CommanderError } from "commander";
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
    refuseSwallowedOptions(program, args, io.env);
    try {
      await program.parseAsync(args, { from: "user" });
    } catch (thrown) {
      if (!(thrown instanceof CommanderError)) throw thrown;
      context.end(afterCommander(thrown, args, io));
    }
  });
}

/** A program with the command of that name, or with all commands if the name is unknown. */
export async function commandLine(context: CommandContext, name = ""): Promise<Command> {
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
  const named = Object.entries(commands).filter(([each]) => each === name);
  for (const [, load] of named.length > 0 ? named : Object.entries(commands)) (await load())(program, context);
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
