import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Vitest's global setup: the temporary files of all tests in one folder of the run, which goes with it.
 *
 * @returns what ends the run
 */
export default function temporaryFolder(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "ambient-lab-run-"));
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
