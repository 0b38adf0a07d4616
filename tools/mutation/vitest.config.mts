import { defineConfig } from "vitest/config";

/** The tests that StrykerJS runs, in threads: those of the command line take longer, and are of other folders. */
export default defineConfig({
  test: {
    globalSetup: "test/support/temporary-folder.ts",
    include: ["test/unit/{access,components,config,experiments,program,verify}/**/*.test.ts"],
    // It replaces modules, so it needs a process of its own.
    exclude: ["test/unit/experiments/modules.test.ts"],
    isolate: false,
    // StrykerJS records the coverage of each test, which makes the tests slower.
    testTimeout: 120_000,
  },
});
