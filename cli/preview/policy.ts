import type { EngineEvent } from "@pulumi/pulumi/automation/events";
import { ExitCode, LabErrors, type Problem } from "../../host/errors";

/** Collects what the guard-rails say during a preview. */
export class PolicyCollector {
  readonly #broken: Problem[] = [];
  readonly #unclear: string[] = [];

  add({ policyEvent: event }: EngineEvent): void {
    if (!event) return;
    const [description = "", ...rest] = plain(event.message).split("\n");
    const what = rest.join("\n").trim() || description;
    if (event.enforcementLevel !== "mandatory") {
      this.#unclear.push(`${event.policyName}: ${what}`);
      return;
    }
    this.#broken.push({
      what,
      why: `Protection-rail "${event.policyName}": ${description}`,
      fix: `Mend the program or its configuration; the rule is in policies/, and "npm run preview" without --policy goes without it`,
    });
  }

  /** What could not be judged, such as a value that is known only once the cluster runs. */
  get unclear(): readonly string[] {
    return this.#unclear;
  }

  /** @throws LabErrors with everything that is against a guard-rail */
  throwIfBroken(): void {
    if (this.#broken.length > 0) throw new LabErrors(this.#broken, ExitCode.fail);
  }
}

const plain = (text: string): string => text.replace(/<\{%[^%]*%\}>/g, "").trim();
