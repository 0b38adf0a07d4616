import { z } from "zod";
import { configSchema, settingsSchema } from "../config/schema";
import type { LabFacts } from "../experiments/types";
import { ExitCode, LabErrors } from "../host/errors";

/** The shape of {@link LabFacts}, for a reader that gets them from outside (stack outputs, a file). */
const labFactsSchema = z.object({
  stack: z.string().min(1),
  cluster: configSchema.shape.cluster,
  clusterName: z.string().min(1).optional(),
  kubeconfig: z.string().min(1),
  context: z.string().min(1),
  url: z.url(),
  tls: z.object({ url: z.url(), caFile: z.string().min(1) }).optional(),
  settings: settingsSchema,
  versions: z.object({ istio: z.string(), gatewayApi: z.string(), metallb: z.string().optional() }),
  // The outputs of earlier versions of the lab do not have them: only the proofs need them.
  declared: z
    .array(
      z.object({
        apiVersion: z.string(),
        kind: z.string(),
        metadata: z.object({
          name: z.string(),
          namespace: z.string().optional(),
          labels: z.record(z.string(), z.string()).optional(),
          annotations: z.record(z.string(), z.string()).optional(),
        }),
        spec: z.unknown().optional(),
      }),
    )
    .default([]),
});

/**
 * Checks a description of a lab.
 * @throws LabErrors (exit code 2) with every problem at once
 */
export function parseFacts(raw: unknown): LabFacts {
  const parsed = labFactsSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw new LabErrors(
    parsed.error.issues.map((issue) => ({
      what: `The description of the lab is refused at "${issue.path.join(".")}": ${issue.message}`,
      why: "Every expectation follows what the stack says about itself",
      fix: "npm run up   (writes the stack's outputs anew)",
    })),
    ExitCode.usage,
  );
}

/**
 * Least milliseconds at which a request counts as delayed: Envoy's timer does not fire early, but clocks round.
 */
export const delayedFromMs = (delayMs: number): number => delayMs * 0.95;
