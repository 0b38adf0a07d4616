import type { EngineEvent, StepEventMetadata } from "@pulumi/pulumi/automation/events";
import { Components, isBookkeeping, isComponent, parseUrn, shortName } from "../engine/urn";
import { type PropertyChange, propertyChanges } from "./properties";

/** What happens to a resource; a replacement is one change, not the engine's three steps. */
export type Change = "create" | "update" | "replace" | "delete";

/** One resource that would change. */
export interface ResourceChange {
  change: Change;
  kind: string;
  /** Name of the object where it has one of its own, else the name in the program. */
  name: string;
  urn: string;
  /** What changes in it; of a replacement only what forces it. */
  properties: PropertyChange[];
}

/** All changes in one component. */
export interface ComponentChange {
  component: string;
  resources: ResourceChange[];
}

/** What `up` would do. */
export interface PreviewModel {
  stack: string;
  counts: Record<Change | "same", number>;
  components: ComponentChange[];
}

const changes: Partial<Record<StepEventMetadata["op"], Change>> = {
  create: "create",
  update: "update",
  replace: "replace",
  delete: "delete",
};

/** Collects a preview from the engine's events. */
export class PreviewCollector {
  readonly #components = new Components();
  readonly #steps = new Map<string, StepEventMetadata>();
  #same = 0;

  add(event: EngineEvent): void {
    const step = event.resourcePreEvent?.metadata;
    if (!step) return;
    this.#components.learn(step.urn, (step.new ?? step.old)?.parent);
    // A component is a name for what it holds: its own "update" touches nothing.
    if (isBookkeeping(step.type) || isComponent(step.type)) return;
    if (step.op === "same") this.#same += 1;
    if (!changes[step.op]) return;
    this.#steps.set(step.urn, step);
  }

  /** The preview once the engine is done. */
  model(stack: string): PreviewModel {
    const counts: PreviewModel["counts"] = { create: 0, update: 0, replace: 0, delete: 0, same: this.#same };
    const components = new Map<string, ResourceChange[]>();
    for (const step of this.#steps.values()) {
      const change = changes[step.op];
      if (!change) continue;
      counts[change] += 1;
      const component = this.#components.of(step.urn);
      const resources = components.get(component) ?? [];
      resources.push(resourceChange(step, change, component));
      components.set(component, resources);
    }
    return { stack, counts, components: [...components].map(([component, resources]) => ({ component, resources })) };
  }
}

function resourceChange(step: StepEventMetadata, change: Change, component: string): ResourceChange {
  const { kind, name } = parseUrn(step.urn);
  const own: unknown = (step.new ?? step.old)?.inputs?.metadata?.name;
  const properties = change === "update" || change === "replace" ? propertyChanges(step, change) : [];
  return { change, kind, name: typeof own === "string" ? own : shortName(name, component), urn: step.urn, properties };
}
