import { type TourStep, tour } from "../../experiments/tour";
import { ExitCode, LabError, messageOf } from "../../host/errors";
import type { VerifyReport } from "../../verify/report/schema";
import type { TourLab } from "./lab";
import { pairsOf } from "./steps";

/** An action of a step of the tour. */
export type TourAction = "preview" | "apply" | "verify" | "undo";

/** Results of a step's actions. */
export interface StepState {
  /** Preview of its change. */
  preview?: string;
  report?: VerifyReport;
  /** Text of the problem that ended the last action. */
  problem?: string;
}

/** A running action. */
export interface RunningAction {
  step: TourStep;
  action: TourAction;
  /** Lines of its output. */
  lines: readonly string[];
}

/** State of the browser tour. One action runs at a time, and the change of at most one step is applied. */
export class TourSession {
  readonly #lab: TourLab;
  readonly #states = new Map<string, StepState>();
  #applied: { step: TourStep; restore: () => boolean } | undefined;
  #running: (RunningAction & { lines: string[]; ended: Promise<void> }) | undefined;

  constructor(lab: TourLab) {
    this.#lab = lab;
  }

  get lab(): TourLab {
    return this.#lab;
  }

  /** The step whose change is applied. */
  get applied(): TourStep | undefined {
    return this.#applied?.step;
  }

  get running(): RunningAction | undefined {
    return this.#running;
  }

  stateOf({ id }: TourStep): StepState {
    return this.#states.get(id) ?? {};
  }

  /** The actions that a step offers now. A change can be applied only after its preview was shown. */
  actionsOf(step: TourStep): TourAction[] {
    if (this.#running) return [];
    if (this.#applied) return this.#applied.step === step ? ["verify", "undo"] : ["undo"];
    if (!step.change) return ["verify"];
    return this.stateOf(step).preview === undefined ? ["preview"] : ["preview", "apply"];
  }

  /** Starts an action of {@link actionsOf}; ignores any other, such as that of a second click on a button. */
  start(step: TourStep, action: TourAction): void {
    if (!this.actionsOf(step).includes(action)) return;
    const lines: string[] = [];
    const ended = this.#run(step, action, (text) => void lines.push(text)).then(
      (seen) => this.#end(step, seen),
      (thrown: unknown) => this.#end(step, { problem: messageOf(thrown).trim() }),
    );
    this.#running = { step, action, lines, ended };
  }

  /** Resolves when no action runs. */
  async idle(): Promise<void> {
    await this.#running?.ended;
  }

  /** Undoes an applied change. @returns its step; undefined when no change was applied */
  async close(lab: TourLab): Promise<TourStep | undefined> {
    await this.idle();
    const applied = this.#applied;
    if (!applied) return undefined;
    if (applied.restore()) await lab.up([], () => {});
    this.#applied = undefined;
    return applied.step;
  }

  #end({ id }: TourStep, seen: StepState): void {
    this.#states.set(id, { ...this.#states.get(id), problem: undefined, ...seen });
    this.#running = undefined;
  }

  async #run(step: TourStep, action: TourAction, line: (text: string) => void): Promise<StepState> {
    if (action === "preview") return { preview: await this.#lab.preview(pairsOf(step), line) };
    if (action === "verify") return { report: await this.#lab.verify(step.proof, line) };
    if (action === "apply") await this.#apply(step, line);
    else await this.#undo(line);
    return { report: undefined, preview: undefined };
  }

  async #apply(step: TourStep, line: (text: string) => void): Promise<void> {
    const restore = this.#lab.remember();
    try {
      this.#applied = { step, restore };
      await this.#lab.up(pairsOf(step), line);
    } catch (thrown) {
      // The change was refused, and only the settings have changed.
      if (thrown instanceof LabError && thrown.exitCode === ExitCode.usage) {
        restore();
        this.#applied = undefined;
      }
      throw thrown;
    }
  }

  async #undo(line: (text: string) => void): Promise<void> {
    const applied = this.#applied;
    if (!applied) return;
    applied.restore();
    await this.#lab.up([], line);
    this.#applied = undefined;
    this.#states.delete(applied.step.id);
  }
}

/** The step with an id. */
export const stepOf = (id: string): TourStep | undefined => tour.find((step) => step.id === id);
