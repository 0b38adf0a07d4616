import type { LabSettings } from "../../config/schema";
import { experiments } from "../../experiments";
import { objects } from "../../experiments/objects";
import { isEnabled } from "../../modules/enabled";
import type { Declared } from "./record";

/** Ids of the experiments that this lab is asked, and that look at an object, or at one that the bundle installs. */
export function servedExperiments(resource: Declared, settings: Pick<LabSettings, "modules">): string[] {
  const keys = new Set(Object.entries(objects).flatMap(([key, spec]) => (isAbout(resource, spec) ? [key] : [])));
  return experiments
    .filter((experiment) => isEnabled(experiment, settings) && experiment.objects.some((key) => keys.has(key)))
    .map(({ id }) => id);
}

function isAbout({ type, inputs }: Declared, spec: { kind: string; name: string; namespace?: string }): boolean {
  const metadata = asRecord(inputs.metadata);
  if (type === "kubernetes:helm.sh/v3:Release") {
    return (
      inputs.namespace === spec.namespace && (inputs.name === spec.name || `${String(inputs.name)}-node` === spec.name)
    );
  }
  return kindOf(type, inputs) === spec.kind && metadata.name === spec.name;
}

/** Kind of a Kubernetes object; a patch is a part of the object that it patches. */
export function kindOf(type: string, inputs: Record<string, unknown>): string {
  return typeof inputs.kind === "string" ? inputs.kind : type.slice(type.lastIndexOf(":") + 1).replace(/Patch$/, "");
}

/** The value when it is an object, else an empty one. */
export function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
