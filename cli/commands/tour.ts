import { Argument, type Command } from "commander";
import { type TourStep, tour } from "../../experiments/tour";
import { ExitCode } from "../../host/errors";
import { readConfig, unsetConfig } from "../stack/settings";
import { resolveStack } from "../stack/stack-name";
import type { Io } from "../terminal/io";
import { keysOf, stepText, walked } from "../tour/text";
import { type Walk, walkStep } from "../tour/walk";
import { type CommandContext, common, examples, json, jsonText, yes } from "./common";

interface TourOptions {
  stack?: string;
  list?: boolean;
  undo?: boolean;
  yes?: boolean;
  json?: boolean;
}

const ids = tour.map(({ id }) => id);

/** `tour`: the lab's story step by step; each can be walked alone, and undone. */
export function registerTour(program: Command, { io, end }: CommandContext): void {
  const command = program
    .command("tour")
    .description("walk through the lab's story: a question, a change, its proof, and back")
    .addArgument(new Argument("[step]", "step to walk; all of them when none is named").choices(ids));
  examples(
    yes(json(common(command)))
      .option("--list", "print the steps, walk none")
      .option("--undo", "take back what a step changed, to the default"),
    "npm run lab -- tour --list",
    "npm run lab -- tour                  # step by step, asking before each change",
    "npm run lab -- tour caller           # this step alone",
    "npm run lab -- tour caller --yes     # without questions; puts everything back",
    "npm run lab -- tour caller --undo",
  );
  command.action(async (id: string | undefined, options: TourOptions) => {
    const stack = resolveStack(options.stack, io);
    const chosen = tour.filter((step) => id === undefined || step.id === id);
    const lab = runner(io);
    if (options.undo) return end(await undoSteps(io, stack, chosen, lab));
    const steps = chosen.map((step) => walked(step, readConfig(io.root, stack), stack));
    if (options.json) return void io.stdout.write(jsonText(steps));
    const told = (index: number) => stepText(steps[index] as (typeof steps)[number], tour.length);
    if (options.list || !(io.confirm || options.yes)) {
      io.stdout.write(steps.map((_step, index) => told(index)).join("\n"));
      return;
    }
    const walk: Walk = { io, stack, lab, ...(options.yes || !io.confirm ? {} : { confirm: io.confirm }) };
    for (const [index, step] of chosen.entries()) {
      io.stderr.write(`\n${told(index)}\n`);
      if (walk.confirm && !(await walk.confirm(`Walk step ${step.id}?`))) continue;
      const code = await walkStep(walk, step);
      if (code !== ExitCode.pass) return end(code);
    }
  });
}

async function undoSteps(io: Io, stack: string, steps: readonly TourStep[], lab: Walk["lab"]): Promise<ExitCode> {
  if (unsetConfig(io.root, stack, steps.flatMap(keysOf))) return lab(["up", "--stack", stack, "--yes", "--no-verify"]);
  io.stderr.write("There is nothing to undo: the stack's settings have the defaults\n");
  return ExitCode.pass;
}

/**
 * Commands of the lab, with the line that was typed above what it prints. The walk says itself what comes next: what `up`
 * ends with, addresses and next steps, would be said twice in each step.
 */
function runner(io: Io): Walk["lab"] {
  const silent = { ...io, stdout: { write: () => true } };
  return async (args) => {
    io.stderr.write(
      `$ npm run lab -- ${args.map((arg) => (/[^\w@%+=:,./-]/.test(arg) ? `'${arg}'` : arg)).join(" ")}\n`,
    );
    const { run } = await import("../run.js");
    return run(args, args[0] === "up" ? silent : io);
  };
}
