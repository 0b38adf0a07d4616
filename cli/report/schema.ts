import { z } from "zod";

/** What `up` recorded about its own time. */
export const timelineSchema = z.object({
  schema: z.literal("ambient-lab.timeline/v1"),
  stack: z.string(),
  startedAt: z.string(),
  phases: z.array(z.object({ title: z.string(), startMs: z.number(), ms: z.number() })),
});

export type Timeline = z.infer<typeof timelineSchema>;
