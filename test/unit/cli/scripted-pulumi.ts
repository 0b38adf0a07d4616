import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StackState } from "../../../cli/engine/types";

/**
 * What `pulumi` prints to stderr while another engine holds the stack. diy: pkg/backend/diy/lock.go, checkForLock();
 * cloud: the text of the service that sdk/nodejs/automation/errors.ts looks for, in the frame of
 * pkg/backend/backenderr/backenderr.go, ConflictingUpdateError (pulumi/pulumi v3.259.0).
 */
export const heldTexts = {
  diy: [
    "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.",
    "  s3://bucket/.pulumi/locks/organization/ambient-lab/alice/5a0c.json: created by bob@desk (pid 1834) at 2026-11-23T10:00:00+01:00",
  ].join("\n"),
  cloud: [
    "error: [409] Conflict: Another update is currently in progress.",
    "To learn more about possible reasons and resolution, visit https://www.pulumi.com/docs/support/troubleshooting/common-issues/update-conflicts/",
  ].join("\n"),
} as const;

/**
 * A program in the place of `pulumi`, for the real Automation API: it has one stack, "alice", and whatever takes the
 * stack's lock fails with the given text. Without one its `up` goes on until an interrupt, and ends then as the engine does.
 * @returns its path, and the command lines it was called with; "cancelled" is where an update was interrupted
 */
export function scriptedPulumi(state: StackState, held?: string) {
  const root = mkdtempSync(join(tmpdir(), "lab-pulumi-"));
  const bin = join(root, "bin");
  mkdirSync(bin);
  const file = (name: string, text: string) => {
    writeFileSync(join(root, name), text);
    return join(root, name);
  };
  const deployment = { resources: state.resources, pending_operations: state.pending };
  const log = file("log", "");
  const script = `#!/bin/sh
PATH=/usr/bin:/bin
printf '%s\\n' "$*" >> '${log}'
case "$1 $2" in
  "version "*) echo v3.259.0 ;;
  "stack ls") echo '[{"name":"alice","current":true,"updateInProgress":false}]' ;;
  "stack export") cat '${file("state", JSON.stringify({ version: 3, deployment }))}' ;;
  "stack history") echo '[]' ;;
  "stack output") echo '{}' ;;
  "stack select") ;;
  "up "*)
    ${held === undefined ? `trap 'echo cancelled >> "${log}"; kill $!; exit 255' INT; sleep 60 & wait` : `cat '${file("held", held)}' >&2; exit 255`} ;;
  "refresh "*|"destroy "*|"stack import") ${held === undefined ? "" : `cat '${file("held", held)}' >&2; exit 255`} ;;
  *) echo "unexpected: $*" >&2; exit 1 ;;
esac
`;
  const program = join(bin, "pulumi");
  writeFileSync(program, script);
  chmodSync(program, 0o755);
  const calls = () => readFileSync(log, "utf8").split("\n").filter(Boolean);
  return { bin, program, calls };
}
