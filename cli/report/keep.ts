import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "../../host/write-file";
import type { Phase } from "../terminal/progress";
import { evidenceHome } from "./places";
import { evidenceFiles } from "./read";
import type { Timeline } from "./schema";

/** Runs of a stack that the lab keeps something of. */
const kept = 10;

/** A new folder for the evidence of a run; the oldest ones make room for it. */
export const newEvidence = (stack: string, now = new Date()): string => newFolder(evidenceHome(stack), now);

/** A new folder that is named by the time; the oldest ones beside it make room. */
export function newFolder(home: string, now = new Date()): string {
  const old = existsSync(home)
    ? readdirSync(home)
        .sort()
        .reverse()
        .slice(kept - 1)
    : [];
  for (const name of old) rmSync(join(home, name), { recursive: true, force: true });
  return join(home, now.toISOString().replaceAll(":", "-"));
}

/** Puts the phases of an `up` beside the evidence of its proofs; nothing when there is no evidence. */
export function recordTimeline(folder: string, stack: string, phases: readonly Phase[]): void {
  if (!existsSync(folder)) return;
  const begun = new Date(Date.now() - Math.max(0, ...phases.map(({ startMs, ms }) => startMs + ms)));
  const timeline: Timeline = {
    schema: "ambient-lab.timeline/v1",
    stack,
    startedAt: begun.toISOString(),
    phases: phases.map((phase) => ({ ...phase, startMs: Math.round(phase.startMs), ms: Math.round(phase.ms) })),
  };
  writeWhole(join(folder, evidenceFiles.timeline), `${JSON.stringify(timeline, null, 2)}\n`, 0o600);
}
