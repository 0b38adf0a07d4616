import type { EngineEvent, StepEventMetadata } from "@pulumi/pulumi/automation/events";
import { type Progress, seconds } from "../terminal/progress";
import { Diagnostics } from "./failure";
import { Components, isBookkeeping, isComponent, parseUrn, shortName } from "./urn";

const verbs: Partial<Record<StepEventMetadata["op"], { doing: string; done: string }>> = {
  create: { doing: "creating", done: "created" },
  update: { doing: "updating", done: "updated" },
  delete: { doing: "deleting", done: "deleted" },
  "create-replacement": { doing: "replacing", done: "replaced" },
  "delete-replaced": { doing: "deleting", done: "old one deleted" },
  refresh: { doing: "reading", done: "read" },
};

/** Shows the engine's events as progress: a line per finished resource, and the running ones in the status line. */
export class Follower {
  readonly diagnostics = new Diagnostics();
  readonly #components = new Components();
  readonly #running = new Map<string, number>();
  readonly #progress: Progress;
  #done = 0;
  #ticker: NodeJS.Timeout | undefined;

  constructor(progress: Progress) {
    this.#progress = progress;
  }

  /** Number of changed resources. */
  get changed(): number {
    return this.#done;
  }

  /** Shows the progress of one operation. */
  async during<T>(operation: (onEvent: (event: EngineEvent) => void) => Promise<T>): Promise<T> {
    this.#ticker = setInterval(() => this.#show(), 1000);
    try {
      return await operation((event) => this.#on(event));
    } finally {
      clearInterval(this.#ticker);
      this.#progress.status("");
      for (const { resource, message } of this.diagnostics.warnings) {
        this.#progress.line(`  ${this.#progress.colors.yellow("!")} ${resource ? `${resource}: ` : ""}${message}`);
      }
    }
  }

  #on(event: EngineEvent): void {
    this.diagnostics.add(event);
    const started = event.resourcePreEvent?.metadata;
    if (started) this.#start(started);
    const finished = event.resOutputsEvent?.metadata;
    if (finished) this.#finish(finished, true);
    const failed = event.resOpFailedEvent?.metadata;
    if (failed) this.#finish(failed, false);
  }

  #start(step: StepEventMetadata): void {
    this.#components.add(step.urn, (step.new ?? step.old)?.parent);
    if (!verbs[step.op] || isBookkeeping(step.type) || isComponent(step.type)) return;
    this.#running.set(step.urn, performance.now());
    this.#show();
  }

  #finish(step: StepEventMetadata, ok: boolean): void {
    const begin = this.#running.get(step.urn);
    const verb = verbs[step.op];
    if (begin === undefined || !verb) return;
    this.#running.delete(step.urn);
    if (step.op === "refresh" && ok) {
      this.#show();
      return;
    }
    this.#done += 1;
    const { colors } = this.#progress;
    const { kind, name } = parseUrn(step.urn);
    const mark = ok ? colors.green("✓") : colors.red("✗");
    const component = this.#components.of(step.urn);
    const where = component === name ? "" : `${component} › `;
    const took = colors.dim(seconds(performance.now() - begin));
    this.#progress.line(
      `  ${mark} ${where}${shortName(name, component)}  ${colors.dim(`${kind} ${ok ? verb.done : "failed"}`)}  ${took}`,
    );
    this.#show();
  }

  #show(): void {
    const now = performance.now();
    const running = [...this.#running].map(([urn, begin]) => `${parseUrn(urn).name} ${seconds(now - begin)}`);
    this.#progress.status(
      `  ${this.#done} done, ${running.length > 0 ? `now ${running.join(", ")}` : "waiting for the engine"}`,
    );
  }
}
