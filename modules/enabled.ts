import type { LabSettings } from "../config/schema";
import type { Experiment } from "../experiments/types";

/** The reason why a lab does not run an experiment: its module is off; undefined when it runs. */
export function disabledReason(
  { module }: Pick<Experiment, "module">,
  { modules }: Pick<LabSettings, "modules">,
): string | undefined {
  if (!module || modules.includes(module)) return undefined;
  return `module ${module} is off: npm run lab -- config set modules '[${[...modules, module].join(", ")}]', then npm run up`;
}

/** Whether a lab with these settings runs an experiment: all of the story, and those of its modules. */
export const isEnabled = (experiment: Pick<Experiment, "module">, settings: Pick<LabSettings, "modules">): boolean =>
  disabledReason(experiment, settings) === undefined;
