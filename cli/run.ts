import { Command, CommanderError } from "commander";
import { ExitCode, formatProblem, LabError, LabErrors, messageOf } from "../errors";
import { registerBench } from "./commands/bench";
import { registerBill } from "./commands/bill";
import { registerBundle } from "./commands/bundle";
import type { CommandContext } from "./commands/common";
import { registerCompletion } from "./commands/completion";
import { registerDestroy } from "./commands/destroy";
import { registerDoctor } from "./commands/doctor";
import { registerList } from "./commands/list";
import { registerOpen } from "./commands/open";
import { registerPlan } from "./commands/plan";
import { registerPreview } from "./commands/preview";
import { registerReport } from "./commands/report";
import { registerStatus } from "./commands/status";
import { registerTour } from "./commands/tour";
import { registerTraffic } from "./commands/traffic";
import { registerUp } from "./commands/up";
import type { Io } from "./io";
import { registerProofs } from "./proofs";
import type { CommonOptions } from "./session";

/**
 * Runs the command line.
 * @returns the exit code; every problem has been printed
 */
export async function run(args: readonly string[], io: Io): Promise<ExitCode> {
  let code: ExitCode = ExitCode.pass;
  const context: CommandContext = {
    io: { ...io },
    end: (other) => {
      code = other;
    },
  };
  try {
    await commandLine(context).parseAsync(args, { from: "user" });
    return code;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return afterCommander(thrown, args, io);
    io.stderr.write(problemText(thrown, args));
    return thrown instanceof LabError ? thrown.exitCode : ExitCode.fail;
  }
}

function commandLine(context: CommandContext): Command {
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
    // Problems go another way: they are printed by run() itself.
    if (command.opts<CommonOptions>().quiet) Object.assign(context.io, { stderr: { write: () => true }, live: false });
  });
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
  registerDoctor,
  registerStatus,
  registerList,
  registerPlan,
  registerBill,
  registerBundle,
  registerProofs,
  registerReport,
  registerOpen,
  registerTraffic,
  registerTour,
  registerBench,
  registerCompletion,
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
  io.stderr.write(`✗ lab${formatProblem(problem)}\n`);
  return ExitCode.usage;
}

function problemText(thrown: unknown, args: readonly string[]): string {
  const verbose = args.includes("--verbose");
  const headline = `✗ ${args[0] ?? "lab"}`;
  const problems =
    thrown instanceof LabErrors ? thrown.problems : [thrown instanceof LabError ? thrown : surprise(thrown, args)];
  const text = `${headline}${problems.map(formatProblem).join("\n")}\n`;
  return verbose ? `${text}\n${stackOf(thrown)}\n` : text;
}

function surprise(thrown: unknown, args: readonly string[]) {
  return {
    what: messageOf(thrown),
    why: "The lab did not expect this: it is a mistake in its own code, or a failure it does not know yet",
    fix: `npm run lab -- ${args.join(" ")} --verbose   (shows where it happened)`,
  };
}

/** The thrown error and what caused it, with their stacks. */
function stackOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const own = thrown.stack ?? thrown.message;
  return thrown.cause === undefined ? own : `${own}\nCaused by: ${stackOf(thrown.cause)}`;
}
