import { z } from "zod";
import { layers } from "../../config/vocabulary";
import { costSchema } from "../cost/schema";
import { proxySummarySchema } from "../proxy-config/envoy-dump";

const layer = z.enum(layers);
const verdict = z.enum(["pass", "fail", "inconclusive", "skipped", "known-upstream"]);

const request = z.object({
  pod: z
    .string()
    .optional()
    .describe('Name of the pod that sent it, with its namespace unless that is "default"; absent for this machine.'),
  method: z.string(),
  url: z.string().describe("The address as it was sent, with the id by which the logs name the request."),
  path: z.string().describe("The path without the id."),
  to: z.enum(["service", "pod", "gateway"]),
  target: z
    .string()
    .describe("Name of the Service, or of the application whose pod it was sent to; for the gateway the Host header."),
  token: z.boolean().describe("Whether it had a token. The token itself is not kept."),
  status: z.number().describe("HTTP status that the client got; 0 without an answer."),
  grpcStatus: z.number().optional().describe("Status of a call by gRPC."),
  error: z.string().optional().describe("Error message of the client when it got no answer."),
  curlExit: z
    .number()
    .optional()
    .describe(
      "Exit code of curl when it got no answer; absent for a request of this machine, which does not use curl.",
    ),
});

const peer = z.object({
  workload: z.string().optional().describe("Name of the pod."),
  identity: z.string().optional().describe('SPIFFE id without "spiffe://".'),
});

const connection = z.object({
  direction: z.enum(["inbound", "outbound"]),
  source: peer,
  destination: peer,
});

const recorded = z.enum(["found", "missing", "unavailable"]);

const decision = z.object({
  layer: z.enum([...layers, "unknown"]),
  action: z.enum(["answered", "refused", "redirected", "reset", "failed"]),
  policy: z.string().optional().describe('The policy that decided, such as "AuthorizationPolicy/appb-l7".'),
  because: z
    .string()
    .describe("The reason that the record gives; without a record, the reason that follows from the client's answer."),
  line: z.string().optional().describe("The log line that says so."),
  connection: connection.optional().describe("The connection that the line is about, when ztunnel decided."),
});

const sample = z.object({
  from: z.string().describe('Name of the client, such as "appa"; "host" is this machine.'),
  method: z.string(),
  path: z.string(),
  count: z.number().describe("Number of requests that had to be sent."),
  milliseconds: z
    .array(z.number())
    .readonly()
    .describe("Milliseconds that each request took by the client's clock, in ascending order."),
  delayMs: z.number().describe("The injected delay."),
  slowFromMs: z
    .number()
    .describe(
      "Least milliseconds at which a request counts as delayed: somewhat below the delay, because clocks round.",
    ),
  /** Share of delayed requests that the configuration asks for, and the accepted counts; absent when none may be delayed. */
  share: z
    .object({
      percent: z.number(),
      low: z.number(),
      high: z.number(),
      toldFrom: z
        .array(z.number())
        .readonly()
        .optional()
        .describe("The shares that the test distinguishes it from, in percent. Evidence of earlier versions has none."),
    })
    .optional(),
});

const evidence = z.object({
  source: z.string().describe('Where it is from, such as "waypoint access log" or "ztunnel metrics".'),
  lines: z.array(z.string()).readonly(),
});

const finding = z.object({
  name: z.string().describe("The expected state, as a statement."),
  verdict,
  /** The layer that decided, or that is at fault. */
  layer,
  seen: z.string().describe("What was seen, in one sentence."),
  flapping: z.literal(true).optional().describe("The state was good, and then not."),
  expected: z.string().optional().describe("What was expected instead, unless it passed."),
  request: request.optional().describe("The request that it is about; a finding has it together with `decision`."),
  decision: decision.optional(),
  records: z
    .partialRecord(z.enum(["gateway", "waypoint", "ztunnel"]), recorded)
    .optional()
    .describe("Whether the log of each layer has a record of the request."),
  connections: z
    .array(connection)
    .readonly()
    .optional()
    .describe("The connections of the request that ztunnel logged."),
  sample: sample.optional().describe("The latencies that it is about."),
  cost: costSchema.optional().describe("What was measured about the cost of the mesh."),
  evidence: z.array(evidence).readonly(),
});

const cause = z.object({
  kind: z.enum(["drift", "health"]),
  layer,
  object: z.string().describe('Such as "AuthorizationPolicy/appb-l7".'),
  what: z.string(),
  fix: z.string(),
});

const result = z.object({
  id: z.string(),
  title: z.string(),
  verdict,
  layer: layer.optional().describe("The layer to look at; absent when it passed or was skipped."),
  reason: z.string().optional().describe("Why it, or a part of it, was skipped."),
  causes: z.array(cause).readonly().describe("Drift and ill health that explain a failure, the most basic first."),
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
  drift: z
    .array(cause)
    .readonly()
    .describe("Differences between the stack's outputs and the cluster; no failure of the mesh."),
  health: z.array(cause).readonly().describe("What is not well, whether or not an experiment fell over it."),
  notes: z
    .array(z.string())
    .readonly()
    .describe("Things to know about the run itself, such as a policy restored from an earlier run."),
});

/** The JSON schema of report.json, for programs that read it. */
export const reportJsonSchema = (): object => ({ ...z.toJSONSchema(reportSchema), title: "Report of a verification" });

/** The shape of config-waypoint.json and config-gateway.json, or the reason why the proxy could not be read. */
export const proxyConfigurationSchema = z.union([proxySummarySchema, z.object({ unavailable: z.string() })]);
export type ProxyConfiguration = z.infer<typeof proxyConfigurationSchema>;

/** A verdict. A check that could not be made is never a `pass`. */
export type Verdict = z.infer<typeof verdict>;

/** A request, and its result at the client. */
export type SentRequest = z.infer<typeof request>;

/** Which layer decided about a request, according to log records. */
export type Decision = z.infer<typeof decision>;

/** A connection as ztunnel logs it. */
export type Connection = z.infer<typeof connection>;

/** Latencies of requests that were sent to measure an injected delay. */
export type LatencySample = z.infer<typeof sample>;

/** A record that was read, for the report and the evidence folder. */
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

/** The most severe verdict: fail, inconclusive, known-upstream, pass, skipped. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  return verdicts.reduce<Verdict>((a, b) => (severity[b] > severity[a] ? b : a), "skipped");
}

/** The verdict of a run. Known upstream bugs and skipped experiments do not count; without a passed experiment it is inconclusive. */
export function overall(results: readonly ExperimentResult[], causes: readonly Cause[]): VerifyReport["verdict"] {
  const verdicts = results.map(({ verdict }) => verdict);
  if (verdicts.includes("fail")) return "fail";
  if (verdicts.includes("inconclusive") || !verdicts.includes("pass")) return "inconclusive";
  // Drift or a health problem without a failed experiment: the experiments do not prove that the lab works.
  return causes.length > 0 ? "inconclusive" : "pass";
}
