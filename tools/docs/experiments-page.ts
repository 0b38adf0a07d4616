import type { LabSettings } from "../../config/schema";
import { experiments } from "../../experiments/index";
import type { Experiment } from "../../experiments/types";
import { stepLines } from "../../verify/report/explain";

/** The page of all experiments: question, requests and expectations of each in a lab with these settings. */
export function handbook(settings: LabSettings): string {
  return [
    "# The experiments",
    "",
    "For users who want to know what exactly an experiment sends and expects.",
    "",
    "Generated from `experiments/` by `npm run docs`, for a lab with the default configuration and every addon; a test fails when it is out of date.",
    "`npm run lab -- verify --explain ID` shows the same for your own lab.",
    "",
    "| experiment | good state | rows, or module |",
    "|---|---|---|",
    ...experiments.map(
      ({ id, title, rows, module }) => `| [${id}](#${id}) | ${title} | ${module ? `\`${module}\`` : rows.join(", ")} |`,
    ),
    "",
    "An experiment of a [module](modules.md) runs only in a lab with the module.",
    "",
    "Requests that must be answered are repeated until three answers in a row are as expected, within a deadline. Requests that must be",
    "refused are sent once, after the verifier has seen the refusing configuration at the proxy. The verifier finds each request in the",
    "logs by its id. When the logs do not show which layer decided, the verdict is `inconclusive`, never a pass.",
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
    ...(alone ? ["", "Runs alone, after the others."] : []),
    ...(objects.length > 0 ? ["", `The causes of a failure come from the state of ${objects.join(", ")}.`] : []),
  ];
}
