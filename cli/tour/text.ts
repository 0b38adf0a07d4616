import type { LabSettings } from "../../config/schema";
import { experiments } from "../../experiments";
import { type TourStep, tour } from "../../experiments/tour";
import { disabledReason } from "../../modules/enabled";
import { stepLines } from "../../verify/report/explain";

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
    undo: step.change ? [...keysOf(step).map((key) => `pulumi config rm ${key} --stack ${stack}`), upLine(stack)] : [],
    ...(next ? { next: `npm run lab -- tour ${next} --stack ${stack}` } : {}),
  };
}

/** Keys of the stack's configuration that a step changes. */
export const keysOf = ({ change = {} }: TourStep): string[] => Object.keys(change);

/** The step's changes as `key=value`, as `up --config` takes them. */
export const pairsOf = ({ change = {} }: TourStep): string[] =>
  Object.entries(change).map(([key, value]) => `${key}=${Array.isArray(value) ? `[${value.join(", ")}]` : value}`);

const upLine = (stack: string) => `npm run up -- --stack ${stack} --no-verify`;

const setLines = ({ change = {} }: TourStep, stack: string): string[] =>
  Object.entries(change).flatMap(([key, value]) =>
    Array.isArray(value)
      ? value.map((item, index) => `pulumi config set --path '${key}[${index}]' ${item} --stack ${stack}`)
      : [`pulumi config set ${key} ${value} --stack ${stack}`],
  );

/** One step for a person who reads it in a terminal. */
export function stepText(step: WalkedStep, of: number): string {
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
