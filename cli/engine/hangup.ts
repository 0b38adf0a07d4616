import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { labHome } from "../../host/paths";
import { shellWord } from "../../host/shell";
import { writeWhole } from "../../host/write-file";

/**
 * A script that runs `pulumi` with SIGHUP ignored. A terminal that is closed sends SIGHUP to the engine as well, which
 * would end it at once: it listens to SIGINT and SIGTERM alone (pulumi/pulumi v3.259.0, pkg/backend/cancellation_scope.go).
 * A signal that is ignored when a Go program starts stays ignored (Go, package os/signal), so that the engine gets the
 * lab's SIGINT and ends in an orderly way.
 * @returns folder that holds it as `bin/pulumi`
 */
export function withoutHangup(pulumi: string): string {
  const name = createHash("sha256").update(pulumi).digest("hex").slice(0, 12);
  const root = join(labHome(), "engine", name);
  const program = join(root, "bin", "pulumi");
  if (!existsSync(program)) {
    writeWhole(program, `#!/bin/sh\ntrap '' HUP\nexec ${shellWord(pulumi)} "$@"\n`, 0o755);
  }
  return root;
}
