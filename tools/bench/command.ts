import { Command, InvalidArgumentError, Option } from "commander";
import { type CommandContext, examples, json, jsonText, runAction } from "../../cli/commands/common";
import { outputOf, parseCommandLine } from "../../cli/run";
import { changedSettings } from "../../cli/stack/settings";
import { resolveStack } from "../../cli/stack/stack-name";
import type { Io } from "../../cli/terminal/io";
import { ExitCode, LabError, UsageError } from "../../host/errors";
import { historyFile, type MeasureOptions, measure } from "./measure";
import { benchText, keepRun, measures } from "./result";

interface BenchOptions extends MeasureOptions {
  json?: boolean;
  check?: boolean;
}

/** The command line of `npm run bench`. */
export function benchProgram({ io, end }: Pick<CommandContext, "io" | "end">): Command {
  const program = new Command("npm run").exitOverride().configureOutput(outputOf(io));
  const command = program
    .command("bench")
    .description("measure a lab of its own beside the same parts installed by a script, and remove it");
  examples(
    json(command)
      .option("-s, --stack <name>", "name of the lab that is made and destroyed; no other lab is touched", "bench")
      .addOption(new Option("--only <measures...>", "measure these only").choices(measures).default([...measures]))
      .option("--rounds <n>", "repetitions on each lab of what takes seconds; the median counts", count, 3)
      .option("--labs <n>", "number of labs that are made, one after the other", count, 1)
      .option("-c, --config <key=value...>", "keys of the lab's configuration", [])
      .option("--check", "exit code 1 when a target is missed"),
    "npm run bench                                # about a quarter of an hour",
    "npm run bench -- --only preview flip --rounds 5",
    "npm run bench -- --config 'addons=[]' --check --json",
  ).action(async (options: BenchOptions) => {
    const stack = resolveStack(options.stack, io);
    const { config } = changedSettings(io.root, stack, options.config);
    if (config.cluster !== "kind") throw notKind();
    const run = await measure({ ...options, stack }, io);
    keepRun(run, historyFile());
    io.stdout.write(options.json ? jsonText(run) : benchText(run));
    if (options.check && run.rows.some(({ met }) => met === false)) end(ExitCode.fail);
  });
  return program;
}

/**
 * Runs the benchmark.
 * @param args the arguments behind `npm run bench --`
 * @returns the exit code; every problem has been printed
 */
export async function bench(args: readonly string[], io: Io): Promise<ExitCode> {
  const typed = ["bench", ...args];
  return runAction(io, { args: typed, stack: () => undefined }, async (context) => {
    try {
      await parseCommandLine(benchProgram(context), typed, context, "npm run bench -- --help");
    } catch (thrown) {
      throw io.signal.aborted ? interruption() : thrown;
    }
  });
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 100) return value;
  throw new InvalidArgumentError("It must be a whole number from 1 to 100.");
}

const interruption = () =>
  new LabError({
    what: "The benchmark was interrupted",
    why: "A part of a run has no meaning: no time is kept, and the benchmark's lab was removed",
    fix: "npm run bench",
  });

const notKind = () =>
  new UsageError({
    what: 'The benchmark does not support "cluster: existing"',
    why: "It measures the creation and the deletion of the cluster",
    fix: "npm run bench   (with the default, cluster=kind)",
  });
