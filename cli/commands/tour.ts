import { Argument, type Command, Help } from "commander";
import { tour } from "../../experiments/tour";
import { ExitCode } from "../../host/errors";
import { shellWord } from "../../host/shell";
import { runningLab } from "../stack/running-lab";
import { readConfig } from "../stack/settings";
import { resolveStack, stackToName } from "../stack/stack-name";
import type { Io } from "../terminal/io";
import { tourLab } from "../tour/lab";
import { serveTour } from "../tour/server";
import { TourSession } from "../tour/session";
import { type WalkedStep, walked } from "../tour/steps";
import { undoSteps, type Walk, walkStep } from "../tour/walk";
import { aborted, type CommandContext, common, examples, json, jsonText, runAction, yes } from "./common";
import { up } from "./up";
import { verify } from "./verify";

interface TourOptions {
  stack?: string;
  list?: boolean;
  undo?: boolean;
  yes?: boolean;
  json?: boolean;
  web?: boolean;
  browser: boolean;
}

const ids = tour.map(({ id }) => id);

/** `tour`: goes through the experiments of the story step by step. Each step can be run alone, and undone. */
export function registerTour(program: Command, { io, end }: CommandContext): void {
  const command = program
    .command("tour")
    .description("go through the lab's story step by step: question, change, verification, undo")
    .addArgument(new Argument("[step]", "step to walk; all of them when none is named").choices(ids));
  examples(
    yes(json(common(command)))
      .option("--list", "print the steps only")
      .option("--undo", "undo what a step changed")
      .option("--web", "show the steps as a page on 127.0.0.1, until Ctrl-C")
      .option("--no-browser", "with --web: print the address only"),
    "npm run lab -- tour --list",
    "npm run lab -- tour                  # step by step, asking before each change",
    "npm run lab -- tour caller           # this step alone",
    "npm run lab -- tour caller --yes     # without questions; puts everything back",
    "npm run lab -- tour caller --undo",
    "npm run lab -- tour --web            # the same steps in the browser",
  );
  command.action(async (id: string | undefined, options: TourOptions) => {
    const stack = resolveStack(options.stack, io);
    const chosen = tour.filter((step) => id === undefined || step.id === id);
    const walk = walkOf(io, stack, options.yes ? undefined : io.confirm);
    if (options.web) return end(await browserTour(io, stack, id, options));
    if (options.undo) return end(await undoSteps(walk, chosen));
    const steps = chosen.map((step) => walked(step, readConfig(io.root, stack), stack));
    if (options.json) return void io.stdout.write(jsonText(steps));
    const texts = steps.map((step) => stepText(step, tour.length));
    if (options.list || !(io.confirm || options.yes)) return void io.stdout.write(texts.join("\n"));
    for (const [index, step] of chosen.entries()) {
      io.stderr.write(`\n${texts[index]}\n`);
      if (walk.confirm && !(await walk.confirm(`Walk step ${step.id}?`))) continue;
      const code = await walkStep(walk, step);
      if (code !== ExitCode.pass) return end(code);
    }
  });
}

/** Serves the tour as a page until the command is interrupted, and then undoes an applied change. */
async function browserTour(io: Io, stack: string, id: string | undefined, { browser }: TourOptions): Promise<ExitCode> {
  await runningLab(io, { stack });
  const session = new TourSession(tourLab(io, stack, io.signal));
  const server = await serveTour(session, id);
  try {
    io.stdout.write(`${server.url}\n`);
    if (browser) await io.openBrowser?.(server.url);
    io.stderr.write("Open until Ctrl-C.\n");
    await aborted(io.signal);
  } finally {
    await server.close();
    if (session.applied) {
      const { id } = session.applied;
      const undoLine = `npm run lab -- tour ${id} --undo --stack ${stack}`;
      io.stderr.write(`The change of step ${id} is undone first; another interrupt leaves it: ${undoLine}\n`);
      await session.close(tourLab(io, stack, io.nextSignal()));
    }
  }
  return ExitCode.pass;
}

/**
 * Runs the lab's commands in this process, and prints each as a command line. The result of `up`, addresses and next steps, is
 * not printed: the tour itself names the next step.
 */
function walkOf(io: Io, stack: string, confirm: Walk["confirm"]): Walk {
  const command = (
    args: readonly string[],
    action: (context: CommandContext) => Promise<void>,
    signal: AbortSignal = io.signal,
  ) => {
    io.stderr.write(`$ npm run lab -- ${args.map(shellWord).join(" ")}\n`);
    return runAction({ ...io, signal }, { args, stack: () => stackToName(stack, io) }, action);
  };
  return {
    ...{ io, stack, confirm },
    up({ preview = false, config = [], signal }) {
      const flags = [preview ? "--preview" : "--yes", ...config.flatMap((pair) => ["--config", pair])];
      const options = { ...{ stack, preview, config, yes: !preview }, verify: false, ignore: [] };
      return command(
        ["up", "--stack", stack, "--no-verify", ...flags],
        (context) => up(options, { ...context, io: { ...context.io, stdout: { write: () => true } } }),
        signal,
      );
    },
    verify: (experiment) =>
      command(["verify", "--only", experiment, "--stack", stack], (context) =>
        verify([experiment], { stack }, context),
      ),
  };
}

/** A step as text. */
function stepText(step: WalkedStep, of: number): string {
  const block = (label: string, lines: readonly string[]) =>
    lines.map((line, index) => `    ${(index === 0 ? label : "").padEnd(8)}${line}`);
  return [
    `${step.number}/${of}  ${step.title}   (${step.id})`,
    ...block("Asks", [step.asks]),
    ...block("Why", new Help().boxWrap(step.why, 100).split("\n")),
    ...block("Change", step.change),
    ...block("Watch", step.watch ? [step.watch] : []),
    ...block("Proof", [step.proof]),
    ...block(
      "",
      step.expects.map((line) => `· ${line}`),
    ),
    ...block("Undo", step.undo),
    ...block("Next", step.next ? [step.next] : []),
    "",
  ].join("\n");
}
