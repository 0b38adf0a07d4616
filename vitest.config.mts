import { defineConfig } from "vitest/config";

/** Pulumi's mock state is global to a process: every test file gets one of its own. */
const shared = { pool: "forks", isolate: true, dangerouslyIgnoreUnhandledErrors: false } as const;

export default defineConfig({
  test: {
    globalSetup: "test/support/temporary-folder.ts",
    projects: [
      { test: { ...shared, name: "unit", include: ["test/unit/**/*.test.{ts,mts}"], testTimeout: 20_000 } },
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
