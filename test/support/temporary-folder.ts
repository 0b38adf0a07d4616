import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Vitest's global setup: the temporary files of all tests are in one folder, which is removed at the end of the run.
 *
 * @returns the teardown
 */
export default function temporaryFolder(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "ambient-lab-run-"));
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
