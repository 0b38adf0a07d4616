import type { LabSettings } from "../../config/schema";
import { experiments } from "../../experiments";
import { type TourStep, tour } from "../../experiments/tour";
import { shellWord } from "../../host/shell";
import { disabledReason } from "../../modules/enabled";
import { stepLines } from "../../verify/report/explain";

/** A step of the tour, with its commands and expectations. */
export interface WalkedStep {
  number: number;
  id: string;
  title: string;
  asks: string;
  why: string;
  /** Requests and expectations of the experiment, after the change. */
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
export const keysOf = ({ change = {} }: TourStep): string[] => Object.keys(change);

/** The step's changes as `key=value` pairs of `up --config`. */
export const pairsOf = ({ change = {} }: TourStep): string[] =>
  Object.entries(change).map(([key, value]) => `${key}=${valueText(value)}`);

/** A value as `config set` accepts it. */
const valueText = (value: unknown): string => (Array.isArray(value) ? `[${value.join(", ")}]` : String(value));

const upLine = (stack: string) => `npm run up -- --stack ${stack} --no-verify`;

const setLines = ({ change = {} }: TourStep, stack: string): string[] =>
  Object.entries(change).map(
    ([key, value]) => `npm run lab -- config set ${key} ${shellWord(valueText(value))} --stack ${stack}`,
  );
