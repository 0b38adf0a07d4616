import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The text of messages and pages, which has spaces, is not mutated: a test of each word would only repeat it. */
export const strykerPlugins = [
  {
    kind: "Ignore",
    name: "messages",
    value: {
      /** @param path Babel's path of a node */
      shouldIgnore: ({ node }) =>
        node.type === "StringLiteral" && /\s/.test(node.value) ? "the text of a message" : undefined,
    },
  },
];

/** Folders whose code is changed. */
export const mutatedFolders = ["verify", "experiments", "modules", "components", "access/computed"];

/**
 * Changes the code in one place at a time, and runs the tests that execute this place: the configuration of StrykerJS.
 *
 * @type {import("@stryker-mutator/core").PartialStrykerOptions}
 */
export default {
  testRunner: "vitest",
  plugins: ["@stryker-mutator/vitest-runner", fileURLToPath(import.meta.url)],
  vitest: { configFile: "tools/mutation/vitest.config.mts" },
  ignorers: ["messages"],
  mutate: mutatedFolders.map((folder) => `${folder}/**/*.ts`),
  ignorePatterns: ["docs/pictures", "docs/sample"],
  concurrency: 1,
  tempDirName: join(tmpdir(), "ambient-lab-mutation"),
  reporters: ["clear-text", "progress"],
  clearTextReporter: { logTests: false, reportTests: false },
};
