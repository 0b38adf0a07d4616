import { join } from "node:path";
import { expect, it } from "vitest";
import { parseConfig } from "../../../config/load";
import { experiments } from "../../../experiments/index";
import { handbook } from "../../../tools/docs/experiments-page";

const page = handbook(parseConfig({}));

it("docs/reference/experiments.md is what the experiments say (npm run docs)", async () => {
  await expect(page).toMatchFileSnapshot(join(__dirname, "../../../docs/reference/experiments.md"));
});

it("has a section with steps for every experiment", () => {
  const sections = page.split(/^## /m).slice(1);
  const withSteps = sections.filter((section) => /^- \S/m.test(section));
  expect(withSteps.map((section) => section.split("\n")[0])).toEqual(experiments.map(({ id }) => id));
});
