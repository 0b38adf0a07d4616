import { z } from "zod";
import type { VerifyReport } from "../../verify";

const verdict = z.enum(["pass", "fail", "inconclusive", "skipped", "known-upstream"]);
const cause = z.object({
  kind: z.enum(["drift", "health"]),
  layer: z.string(),
  object: z.string(),
  what: z.string(),
  fix: z.string(),
});
const decision = z.object({
  layer: z.string(),
  action: z.enum(["answered", "refused", "reset", "failed"]),
  policy: z.string().optional(),
  because: z.string(),
  line: z.string().optional(),
});
const finding = z.object({
  name: z.string(),
  verdict,
  layer: z.string(),
  seen: z.string(),
  expected: z.string().optional(),
  decision: decision.optional(),
  evidence: z.array(z.object({ source: z.string(), lines: z.array(z.string()) })),
});
const result = z.object({
  id: z.string(),
  title: z.string(),
  verdict,
  layer: z.string().optional(),
  reason: z.string().optional(),
  causes: z.array(cause),
  findings: z.array(finding),
  durationMs: z.number(),
});

/** A report as it is found in a folder: whoever wrote it, its shape is checked before a word of it is shown. */
export const reportSchema = z.object({
  schema: z.literal("ambient-lab.verify/v1" satisfies VerifyReport["schema"]),
  stack: z.string(),
  cluster: z.string(),
  startedAt: z.string(),
  durationMs: z.number(),
  verdict: z.enum(["pass", "fail", "inconclusive"]),
  versions: z.record(z.string(), z.string()),
  settings: z.record(z.string(), z.unknown()),
  results: z.array(result),
  drift: z.array(cause),
  health: z.array(cause),
  notes: z.array(z.string()),
});

/** What `up` recorded about its own time. */
export const timelineSchema = z.object({
  schema: z.literal("ambient-lab.timeline/v1"),
  stack: z.string(),
  startedAt: z.string(),
  phases: z.array(z.object({ title: z.string(), startMs: z.number(), ms: z.number() })),
});

export type StoredReport = z.infer<typeof reportSchema>;
export type StoredResult = StoredReport["results"][number];
export type StoredFinding = StoredResult["findings"][number];
export type StoredVerdict = StoredFinding["verdict"];
export type Timeline = z.infer<typeof timelineSchema>;
