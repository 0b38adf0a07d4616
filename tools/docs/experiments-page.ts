import type { LabSettings } from "../../config/schema";
import { experiments } from "../../experiments/index";
import type { Experiment } from "../../experiments/types";
import { stepLines } from "../../verify/report/explain";

/** All experiments as a page for readers: what each asks, sends and expects in a lab with these settings. */
export function handbook(settings: LabSettings): string {
  return [
    "# The experiments",
    "",
    "Generated from `experiments/` by `npm run docs`, for a lab with the default configuration and every addon; a test holds it current.",
    "`npm run lab -- verify --explain ID` says the same for your own lab.",
    "",
    "| experiment | good state | rows, or module |",
    "|---|---|---|",
    ...experiments.map(
      ({ id, title, rows, module }) => `| [${id}](#${id}) | ${title} | ${module ? `\`${module}\`` : rows.join(", ")} |`,
    ),
    "",
    "An experiment of a [module](modules.md) is asked of a lab that has the module.",
    "",
    "Requests that must be answered are sent until three answers in a row are good, within a deadline. Requests that must be",
    "refused are sent once, after the configuration that refuses them was seen at the proxy. Every request has an id by which",
    "it is found in the logs; an answer whose decider cannot be read is `inconclusive`, never a pass.",
    ...experiments.flatMap((experiment) => section(experiment, settings)),
    "",
  ].join("\n");
}

function section({ id, title, question, why, objects, alone, steps }: Experiment, settings: LabSettings): string[] {
  return [
    "",
    `## ${id}`,
    "",
    `**${title}.** ${question}`,
    "",
    why,
    "",
    ...steps(settings).flatMap((step) => stepLines(step, settings).map((line) => `- ${line}`)),
    ...(alone ? ["", "Runs after all others and by itself."] : []),
    ...(objects.length > 0 ? ["", `A failure is explained by the state of ${objects.join(", ")}.`] : []),
  ];
}
