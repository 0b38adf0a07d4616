import { z } from "zod";
import { layers } from "../../config/vocabulary";

const layer = z.enum(layers);
const verdict = z.enum(["pass", "fail", "inconclusive", "skipped", "known-upstream"]);

const request = z.object({
  /** Name of the pod that sent it, with its namespace unless that is "default"; absent for this machine. */
  pod: z.string().optional(),
  method: z.string(),
  /** The address as it was sent, with the id by which the logs name the request. */
  url: z.string(),
  /** The path without the id. */
  path: z.string(),
  to: z.enum(["service", "pod", "gateway"]),
  /** Name of the Service, or of the application whose pod it was sent to; for the gateway the Host header. */
  target: z.string(),
  /** Whether it had a token. The token itself is not kept. */
  token: z.boolean(),
  /** HTTP status that the client got; 0 without an answer. */
  status: z.number(),
  /** Status of a call by gRPC. */
  grpcStatus: z.number().optional(),
  /** Why the client got no answer, in its own words. */
  error: z.string().optional(),
});

const decision = z.object({
  layer: z.enum([...layers, "unknown"]),
  action: z.enum(["answered", "refused", "redirected", "reset", "failed"]),
  /** The policy that decided, such as "AuthorizationPolicy/appb-l7". */
  policy: z.string().optional(),
  /** The record's own words, or what speaks for it without a record. */
  because: z.string(),
  /** The log line that says so. */
  line: z.string().optional(),
});

const evidence = z.object({
  /** Where it is from, such as "waypoint access log" or "ztunnel metrics". */
  source: z.string(),
  lines: z.array(z.string()).readonly(),
});

const finding = z.object({
  /** The good state as a fact. */
  name: z.string(),
  verdict,
  /** The layer that decided, or that is to blame. */
  layer,
  /** What was seen, in one sentence. */
  seen: z.string(),
  /** What was expected instead, unless it passed. */
  expected: z.string().optional(),
  /** The request that it is about; a finding has it together with `decision`. */
  request: request.optional(),
  decision: decision.optional(),
  evidence: z.array(evidence).readonly(),
});

const cause = z.object({
  kind: z.enum(["drift", "health"]),
  layer,
  /** Such as "AuthorizationPolicy/appb-l7". */
  object: z.string(),
  what: z.string(),
  fix: z.string(),
});

const result = z.object({
  id: z.string(),
  title: z.string(),
  verdict,
  /** The layer to look at; absent when it passed or was skipped. */
  layer: layer.optional(),
  /** Why it was skipped. */
  reason: z.string().optional(),
  /** Drift and ill health that explain a failure, the most basic first. */
  causes: z.array(cause).readonly(),
  findings: z.array(finding).readonly(),
  durationMs: z.number(),
});

/**
 * The shape of report.json, for the verifier that writes it and for every reader. The field `schema` changes when a field
 * changes its meaning.
 */
export const reportSchema = z.object({
  schema: z.literal("ambient-lab.verify/v1"),
  stack: z.string(),
  cluster: z.string(),
  startedAt: z.string(),
  durationMs: z.number(),
  verdict: verdict.extract(["pass", "fail", "inconclusive"]),
  versions: z.record(z.string(), z.string()).readonly(),
  settings: z.record(z.string(), z.unknown()),
  results: z.array(result).readonly(),
  /** Differences between the stack's outputs and the cluster; no failure of the mesh. */
  drift: z.array(cause).readonly(),
  /** What is not well, whether or not an experiment fell over it. */
  health: z.array(cause).readonly(),
  /** Things to know about the run itself, such as a policy restored from an earlier run. */
  notes: z.array(z.string()).readonly(),
});

/** What came out: `pass` is the only good news; a check that could not be made is never a pass. */
export type Verdict = z.infer<typeof verdict>;

/** A request as the client sent it, and its end as the client saw it. */
export type SentRequest = z.infer<typeof request>;

/** Who decided about a request, as far as records tell. */
export type Decision = z.infer<typeof decision>;

/** A record that was looked at, kept for the reader and the evidence folder. */
export type Evidence = z.infer<typeof evidence>;

/** The outcome of one step. */
export type Finding = z.infer<typeof finding>;

/** Something in the cluster that differs from the stack (`drift`) or is not well (`health`). */
export type Cause = z.infer<typeof cause>;

/** The outcome of one experiment. */
export type ExperimentResult = z.infer<typeof result>;

/** A whole run. */
export type VerifyReport = z.infer<typeof reportSchema>;

const severity: Record<Verdict, number> = { fail: 4, inconclusive: 3, "known-upstream": 2, pass: 1, skipped: 0 };

/** The verdict that weighs most: fail, inconclusive, known-upstream, pass, skipped. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  return verdicts.reduce<Verdict>((a, b) => (severity[b] > severity[a] ? b : a), "skipped");
}

/** The run's verdict: known upstream bugs and skips do not count, an empty run proves nothing. */
export function overall(results: readonly ExperimentResult[], causes: readonly Cause[]): VerifyReport["verdict"] {
  const verdicts = results.map(({ verdict }) => verdict);
  if (verdicts.includes("fail")) return "fail";
  if (verdicts.includes("inconclusive") || !verdicts.includes("pass")) return "inconclusive";
  // Something is not as the stack says, and no experiment noticed: that is no proof of a sound lab.
  return causes.length > 0 ? "inconclusive" : "pass";
}
