// `npm test`: runs one project after another, so that a starting cluster does not slow down the unit tests. Then it prints the
// skipped suites with the reasons, and the totals as the last line. Arguments are passed to Vitest.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// Each is a pattern: the unit tests have two projects (vitest.config.mts).
const projects = ["unit", "integration", "e2e"];
const folder = mkdtempSync(join(tmpdir(), "ambient-lab-test-"));
const skips = join(folder, "skips");
const vitest = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url));

const print = (line) => process.stdout.write(`${line}\n`);

/** Runs one project and resolves to Vitest's exit code and, unless it crashed, its report. */
function run(project) {
  const report = join(folder, `${project}.json`);
  const options = ["--project", `${project}*`, "--passWithNoTests", "--reporter", "default", "--reporter", "json"];
  const args = [vitest, "run", ...options, `--outputFile.json=${report}`, ...process.argv.slice(2)];
  const child = spawn(process.execPath, args, { stdio: "inherit", env: { ...process.env, LAB_SKIPS: skips } });
  return new Promise((resolve) => {
    child.once("close", (code) => {
      resolve({ project, code, report: existsSync(report) ? JSON.parse(readFileSync(report, "utf8")) : undefined });
    });
  });
}

/** Number of failures. A file that cannot be loaded, an unhandled error and a crash have no failed test, and count as one failure. */
function failuresOf({ code, report }) {
  const unloaded = report?.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
  const failed = (report?.numFailedTests ?? 0) + (unloaded?.length ?? 0);
  return code === 0 ? failed : Math.max(1, failed);
}

const results = [];
for (const project of projects) results.push(await run(project));

const lines = existsSync(skips) ? readFileSync(skips, "utf8").split("\n").filter(Boolean) : [];
for (const line of new Set(lines)) print(`skipped  ${line}`);
for (const { project, code, report } of results) {
  if (!report) print(`crashed  ${project}: Vitest ended with exit code ${code} and left no report`);
}
rmSync(folder, { recursive: true });

const sum = (of) => results.reduce((total, result) => total + of(result), 0);
const passed = sum(({ report }) => report?.numPassedTests ?? 0);
const failed = sum(failuresOf);
const skipped = sum(({ report }) => (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0));
print(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
