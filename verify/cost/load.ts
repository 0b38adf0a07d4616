import { z } from "zod";
import { ports } from "../../config/vocabulary";
import { hostOf } from "../../experiments/names";
import { type CostPath, clientOf, numbers, serverOf } from "../../modules/cost/objects";
import type { VerifyContext } from "../context";
import { jsonOf } from "../logs/fields";
import { hostPort, type LabPod } from "../pods";
import { unobservable } from "../precondition-error";

/** Requests at fixed intervals, from the client of a path to its server. */
export interface LoadPlan {
  path: CostPath;
  perSecond: number;
  seconds: number;
  /** Whether connections are kept for further requests; otherwise each request opens one. */
  keepAlive: boolean;
  /** In the query of every request, so that the logs of the proxies tell it from others. */
  id: string;
}

/** Where a path begins and ends. */
export interface Ends {
  client: LabPod;
  server: LabPod;
  /** Address of the server's Service. */
  address: string;
}

/**
 * The report of `vegeta report -type=json`, of which these fields are used (vegeta v12.13.0, lib/metrics.go). Durations are
 * in nanoseconds.
 */
const reportSchema = z.object({
  latencies: z.object({
    "50th": z.number(),
    "90th": z.number(),
    "99th": z.number(),
    max: z.number(),
  }),
  requests: z.number().int(),
  rate: z.number(),
  throughput: z.number(),
  status_codes: z.record(z.string(), z.number()),
  errors: z.array(z.string()),
});

/** What a load came to. */
export interface LoadResult {
  sent: number;
  /** Requests without an answer 200. */
  failed: number;
  /** Failures in vegeta's words. */
  errors: readonly string[];
  /** Requests sent per second. */
  rate: number;
  /** Latency in milliseconds, from the start of a request to the end of its answer. */
  p50: number;
  p90: number;
  p99: number;
  /** vegeta's report. */
  json: string;
}

/** The request of the measurement. Its answer is so many bytes, the same each time. */
const requestPath = `/bytes/${numbers.answerBytes}?seed=1`;

/**
 * vegeta starts a further worker when all are waiting for an answer (lib/attack.go), so that a slow answer delays no other
 * request. `-connect-to` skips the lookup of the name, which the mesh would answer in another place for each path.
 */
const script = [
  'printf "GET %s\\n" "$1"',
  '| vegeta attack -connect-to="$2" -rate="$3/1s" -duration="$4" -keepalive="$5"',
  "-http2=false -redirects=-1 -max-body=0 -timeout=5s",
  "| vegeta report -type=json",
].join(" ");

/**
 * Sends a load and waits for its end.
 * @throws PreconditionError when the client's image has no vegeta, or its report cannot be read
 */
export async function sendLoad(context: VerifyContext, ends: Ends, plan: LoadPlan): Promise<LoadResult> {
  const authority = `${hostOf(serverOf(plan.path))}:${ports.service}`;
  const parameters = [
    `http://${authority}${requestPath}&probe=${plan.id}`,
    `${authority}:${hostPort(ends.address, ports.service)}`,
    String(Math.round(plan.perSecond)),
    `${Math.round(plan.seconds * 1000)}ms`,
    String(plan.keepAlive),
  ];
  const limitMs = plan.seconds * 1000 + 30_000;
  const command = ["sh", "-c", script, "load", ...parameters];
  const { stdout, stderr } = await context.lab.exec(ends.client, command, limitMs, context.signal);
  const report = parseReport(stdout);
  if (report && report.sent > 0) return report;
  const said = stderr.trim().split("\n").at(-1) || "no report";
  throw unobservable("client", `vegeta in ${clientOf(plan.path)}: ${said}`);
}

/** Reads the report of vegeta; undefined for anything else. */
export function parseReport(json: string): LoadResult | undefined {
  const parsed = reportSchema.safeParse(jsonOf(json));
  if (!parsed.success) return undefined;
  const { latencies, requests, rate, status_codes: statuses, errors } = parsed.data;
  const ms = (nanoseconds: number) => nanoseconds / 1e6;
  return {
    ...{ sent: requests, failed: requests - (statuses["200"] ?? 0), errors, rate, json: json.trim() },
    ...{ p50: ms(latencies["50th"]), p90: ms(latencies["90th"]), p99: ms(latencies["99th"]) },
  };
}
