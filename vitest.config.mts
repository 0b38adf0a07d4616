import { defineConfig } from "vitest/config";

/**
 * Tests with a process of their own: those that set options of the SDK's mocks, whose state is global to a process, and
 * those that replace a module.
 */
const isolated = ["test/unit/cli/{offline-docs,plan,preview}.test.ts", "test/unit/experiments/modules.test.ts"];
const unit = "test/unit/**/*.test.{ts,mts}";
const shared = {
  pool: "forks",
  dangerouslyIgnoreUnhandledErrors: false,
  // Labs in memory make much garbage that is young: with more room for it, Node.js collects it less often.
  execArgv: ["--max-semi-space-size=64"],
};

export default defineConfig({
  test: {
    globalSetup: "test/support/temporary-folder.ts",
    // Vitest leaves one core free by default; on two cores that is half of the machine.
    maxWorkers: "100%",
    projects: [
      // The files of a worker share the modules that they import: half of the time went into importing them again.
      { test: { ...shared, name: "unit", isolate: false, include: [unit], exclude: isolated, testTimeout: 20_000 } },
      { test: { ...shared, name: "unit-isolated", include: isolated, testTimeout: 20_000 } },
      {
        test: {
          ...shared,
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 1_800_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          ...shared,
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 1_200_000,
          hookTimeout: 1_800_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
