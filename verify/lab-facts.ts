import { z } from "zod";
import { type LabFacts, moduleNames } from "../experiments/types";
import { ExitCode, LabErrors } from "../host/errors";

/** The shape of {@link LabFacts}, for a reader that gets them from outside (stack outputs, a file). */
export const labFactsSchema = z.object({
  stack: z.string().min(1),
  cluster: z.enum(["kind", "existing"]),
  clusterName: z.string().min(1).optional(),
  kubeconfig: z.string().min(1),
  context: z.string().min(1),
  url: z.url(),
  tls: z.object({ url: z.url(), caFile: z.string().min(1) }).optional(),
  settings: z.object({
    workers: z.int().min(0),
    domain: z.string().min(1),
    allowedCallers: z.array(z.enum(["appa", "gateway", "stranger"])),
    allowedMethods: z.array(z.string()),
    faultEnabled: z.boolean(),
    faultPath: z.string().startsWith("/"),
    faultDelay: z.string().regex(/^[1-9][0-9]*(ms|s)$/),
    faultPercent: z.number().min(0).max(100),
    closeBypass: z.boolean(),
    addons: z.array(z.enum(["prometheus", "grafana", "jaeger", "kiali"])),
    // A stack that was last brought up before there were modules says nothing of them.
    modules: z.array(z.enum(moduleNames)).default([]),
    splitWeight: z.int().min(0).max(100).default(20),
    httpsPort: z.int().min(1).max(65535).optional(),
  }),
  versions: z.object({ istio: z.string(), gatewayApi: z.string(), metallb: z.string().optional() }),
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

/** Milliseconds of a duration such as "2s" or "500ms". */
export function durationMs(duration: string): number {
  return Number.parseInt(duration, 10) * (duration.endsWith("ms") ? 1 : 1000);
}
