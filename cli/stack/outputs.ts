import { z } from "zod";

/** The stack's outputs that the commands show. Absent ones belong to a stack that was never finished. */
const outputsSchema = z.object({
  url: z.string().optional(),
  tls: z.object({ url: z.string(), caFile: z.string() }).optional(),
  curl: z.array(z.string()).optional(),
  kubeconfig: z.string().optional(),
  context: z.string().optional(),
  clusterName: z.string().optional(),
  dashboards: z.string().optional(),
  settings: z.record(z.string(), z.unknown()).optional(),
  versions: z.record(z.string(), z.string()).optional(),
});

/** Outputs of a lab. */
export type LabOutputs = z.infer<typeof outputsSchema>;

/** Reads the engine's outputs. */
export function readOutputs(raw: Record<string, unknown>): LabOutputs {
  return outputsSchema.parse(raw);
}
