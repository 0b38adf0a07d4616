import { Argument, type Command } from "commander";
import type { LabSettings } from "../../config/schema";
import { experiments } from "../../experiments";
import { type TourStep, tour } from "../../experiments/tour";
import { ExitCode } from "../../host/errors";
import { shellWord } from "../../host/shell";
import { disabledReason } from "../../modules/enabled";
import { stepLines } from "../../verify/report/explain";
import { readConfig, rememberSettings, unsetConfig } from "../stack/settings";
import { resolveStack, stackToName } from "../stack/stack-name";
import type { Io } from "../terminal/io";
import { type CommandContext, common, examples, json, jsonText, runAction, yes } from "./common";
import { up } from "./up";
import { verify } from "./verify";

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
    .description("go through the lab's story step by step: question, change, verification, undo")
    .addArgument(new Argument("[step]", "step to walk; all of them when none is named").choices(ids));
  examples(
    yes(json(common(command)))
      .option("--list", "print the steps only")
      .option("--undo", "undo what a step changed"),
    "npm run lab -- tour --list",
    "npm run lab -- tour                  # step by step, asking before each change",
    "npm run lab -- tour caller           # this step alone",
    "npm run lab -- tour caller --yes     # without questions; puts everything back",
    "npm run lab -- tour caller --undo",
  );
  command.action(async (id: string | undefined, options: TourOptions) => {
    const stack = resolveStack(options.stack, io);
    const chosen = tour.filter((step) => id === undefined || step.id === id);
    const walk = walkOf(io, stack, options.yes ? undefined : io.confirm);
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

/** The means to walk a step. */
export interface Walk {
  io: Io;
  stack: string;
  /**
   * Brings the lab to its configuration without proofs, after `key=value` pairs are set in it.
   * `signal` ends it, by default the signal of `io`.
   */
  up(options: { preview?: boolean; config?: string[]; signal?: AbortSignal }): Promise<ExitCode>;
  /** Runs one experiment. */
  verify(experiment: string): Promise<ExitCode>;
  /** Asks before a change is made and before it is undone; absent when nothing is to be asked. */
  confirm?: (question: string) => Promise<boolean>;
}

/**
 * Runs the commands of the lab in this process. Each one is printed as it can be typed. The tour itself says what comes
 * next, so that the result that `up` prints, addresses and next steps, is left out.
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

/** Makes the step's change, proves it, and puts the stack's settings and the lab back as they were. */
export async function walkStep(walk: Walk, step: TourStep): Promise<ExitCode> {
  if (!step.change) return walk.verify(step.proof);
  const restoreSettings = rememberSettings(walk.io.root, walk.stack);
  const made = await walk.up({ preview: walk.confirm !== undefined, config: pairsOf(step) });
  if (made === ExitCode.usage) {
    // The change was refused before anything but the settings was touched.
    restoreSettings();
    return made;
  }
  try {
    return made === ExitCode.pass ? await walk.verify(step.proof) : made;
  } finally {
    await undo(walk, step, restoreSettings);
  }
}

async function undo({ io, stack, up, confirm }: Walk, { id }: TourStep, restoreSettings: () => boolean): Promise<void> {
  if (io.signal.aborted) {
    const undoLine = `npm run lab -- tour ${id} --undo --stack ${stack}`;
    io.stderr.write(`The tour was interrupted. The change is undone first; another interrupt leaves it: ${undoLine}\n`);
    if (restoreSettings()) await up({ signal: io.nextSignal() });
    return;
  }
  if (confirm && !(await confirm("Undo the change now?"))) {
    io.stderr.write(`The change stays. Undo it: npm run lab -- tour ${id} --undo --stack ${stack}\n`);
    return;
  }
  if (restoreSettings()) await up({});
}

async function undoSteps({ io, stack, up }: Walk, steps: readonly TourStep[]): Promise<ExitCode> {
  if (unsetConfig(io.root, stack, steps.flatMap(keysOf))) return up({});
  io.stderr.write("There is nothing to undo: the stack's settings have the defaults\n");
  return ExitCode.pass;
}

/** A step with all that a reader, or a program, needs to walk it. */
export interface WalkedStep {
  number: number;
  id: string;
  title: string;
  asks: string;
  why: string;
  /** What the proof sends and expects, once the change is made. */
  expects: readonly string[];
  /** Commands that make the change, its preview first. */
  change: readonly string[];
  watch?: string;
  proof: string;
  undo: readonly string[];
  next?: string;
}

/** A step of the tour in a lab with these settings. */
export function walked(step: TourStep, settings: LabSettings, stack: string): WalkedStep {
  const number = tour.indexOf(step) + 1;
  const experiment = experiments.find(({ id }) => id === step.proof);
  if (!experiment) throw new RangeError(`Step "${step.id}" is proven by "${step.proof}", which is no experiment`);
  const then = { ...settings, ...step.change };
  const off = disabledReason(experiment, then);
  const next = tour[number]?.id;
  return {
    ...{ number, id: step.id, title: step.title, asks: experiment.question, why: experiment.why },
    expects: off ? [off] : experiment.steps(then).flatMap((each) => stepLines(each, then)),
    change: step.change ? [...setLines(step, stack), `npm run preview -- --stack ${stack}`, upLine(stack)] : [],
    ...(step.watch ? { watch: `npm run lab -- ${step.watch} --stack ${stack}` } : {}),
    proof: `npm run lab -- verify --only ${step.proof} --stack ${stack}`,
    undo: step.change
      ? [...keysOf(step).map((key) => `npm run lab -- config rm ${key} --stack ${stack}`), upLine(stack)]
      : [],
    ...(next ? { next: `npm run lab -- tour ${next} --stack ${stack}` } : {}),
  };
}

/** Keys of the stack's configuration that a step changes. */
const keysOf = ({ change = {} }: TourStep): string[] => Object.keys(change);

/** The step's changes as `key=value`, as `up --config` takes them. */
export const pairsOf = ({ change = {} }: TourStep): string[] =>
  Object.entries(change).map(([key, value]) => `${key}=${Array.isArray(value) ? `[${value.join(", ")}]` : value}`);

const upLine = (stack: string) => `npm run up -- --stack ${stack} --no-verify`;

const setLines = ({ change = {} }: TourStep, stack: string): string[] =>
  Object.entries(change).map(([key, value]) => {
    const text = Array.isArray(value) ? `[${value.join(", ")}]` : String(value);
    return `npm run lab -- config set ${key} ${shellWord(text)} --stack ${stack}`;
  });

/** A step as text. */
function stepText(step: WalkedStep, of: number): string {
  const block = (label: string, lines: readonly string[]) =>
    lines.map((line, index) => `    ${(index === 0 ? label : "").padEnd(8)}${line}`);
  return [
    `${step.number}/${of}  ${step.title}   (${step.id})`,
    ...block("Asks", [step.asks]),
    ...block("Why", wrapped(step.why)),
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

/** Lines of at most 100 characters. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < 100) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
