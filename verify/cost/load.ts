import { z } from "zod";
import { ports } from "../../config/vocabulary";
import { hostOf } from "../../experiments/names";
import { type CostPath, clientOf, numbers, serverOf } from "../../modules/cost/objects";
import { health } from "../../modules/grpc/objects";
import type { ModuleName } from "../../modules/index";
import type { VerifyContext } from "../context";
import { jsonOf } from "../logs/fields";
import { hostPort, type LabPod } from "../pods";
import { unobservable } from "../precondition-error";
import type { CostLatency } from "./schema";

/** A kind of request: its protocol, and whether connections are kept for further requests. */
export type RequestKind = Pick<CostLatency, "protocol" | "connections">;

/** Requests by HTTP/1.1 on connections that are kept. */
export const keptHttp: RequestKind = { protocol: "http", connections: "kept" };

/** The kinds that are measured in a lab with these modules. gRPC sends all calls on one connection. */
export const requestKinds = (modules: readonly ModuleName[]): readonly RequestKind[] => [
  keptHttp,
  { protocol: "http", connections: "new" },
  ...(modules.includes("grpc") ? [{ protocol: "grpc", connections: "kept" } as const] : []),
];

/** Whether something is of a kind. */
export const isOfKind = ({ protocol, connections }: RequestKind, kind: RequestKind): boolean =>
  protocol === kind.protocol && connections === kind.connections;

/** Requests at fixed intervals, from the client of a path to its server. */
export interface LoadPlan extends RequestKind {
  path: CostPath;
  perSecond: number;
  seconds: number;
  /** In the user agent of every request, so that the logs of the proxies tell it from others. */
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
  latencies: z.object({ "50th": z.number().min(0), "90th": z.number().min(0), "99th": z.number().min(0) }),
  requests: z.int().min(0),
  rate: z.number().min(0),
  bytes_in: z.object({ total: z.int().min(0) }),
  status_codes: z.record(z.string(), z.int().min(0)),
  errors: z.array(z.string()),
});

/** What a load came to. */
export interface LoadResult {
  sent: number;
  /** Requests without an answer 200, and calls by gRPC without a message. */
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

/** A message by gRPC without fields: a byte for "not compressed", and four bytes for the length 0 (grpc, doc/PROTOCOL-HTTP2.md). */
const emptyMessage = Buffer.alloc(5).toString("base64");

/** Length in bytes of a message with a HealthCheckResponse: five bytes as above, the field, its value. */
export const healthBytes = 7;

/**
 * What each request is, in vegeta's format for targets (lib/targets.schema.json), and the options that its protocol needs. The
 * answer to HTTP is of the same length each time. Of gRPC the message is read: a refusal has the HTTP status 200 and no message.
 */
const requestOf = {
  http: { port: ports.service, method: "GET", path: `/bytes/${numbers.answerBytes}?seed=1`, options: ["-max-body=0"] },
  grpc: { port: health.port, method: "POST", path: health.allowed, options: ["-h2c"] },
} as const;
const grpcHeader = { "Content-Type": ["application/grpc"], Te: ["trailers"] };

/**
 * vegeta starts a further worker when all are waiting for an answer (lib/attack.go), so that a slow answer delays no other
 * request. The address is in the URL, because the mesh would look up a name in another place for each path.
 */
const script =
  'target=$1; shift; printf "%s\\n" "$target" | vegeta attack -format=json "$@" | vegeta report -type=json';

/**
 * Sends a load and waits for its end.
 * @throws PreconditionError when the client's image has no vegeta, or its report cannot be read
 */
export async function sendLoad(context: VerifyContext, ends: Ends, plan: LoadPlan): Promise<LoadResult> {
  const { port, method, path, options } = requestOf[plan.protocol];
  const isGrpc = plan.protocol === "grpc";
  const target = {
    ...{ method, url: `http://${hostPort(ends.address, port)}${path}` },
    header: {
      Host: [`${hostOf(serverOf(plan.path))}:${port}`],
      "User-Agent": [`probe=${plan.id}`],
      ...(isGrpc ? grpcHeader : {}),
    },
    ...(isGrpc ? { body: emptyMessage } : {}),
  };
  const parameters = [
    JSON.stringify(target),
    ...[`-rate=${Math.round(plan.perSecond)}/1s`, `-duration=${Math.round(plan.seconds * 1000)}ms`],
    ...[`-keepalive=${plan.connections === "kept"}`, "-http2=false", "-redirects=-1", "-timeout=5s", ...options],
  ];
  const limitMs = plan.seconds * 1000 + 30_000;
  const command = ["sh", "-c", script, "load", ...parameters];
  const { stdout, stderr } = await context.lab.exec(ends.client, command, limitMs, context.signal);
  const report = parseReport(stdout, plan.protocol);
  if (report && report.sent > 0) return report;
  const said = stderr.trim().split("\n").at(-1) || "no report";
  throw unobservable("client", `vegeta in ${clientOf(plan.path)}: ${said}`);
}

/** Reads the report of vegeta; undefined for anything else. */
export function parseReport(json: string, protocol: RequestKind["protocol"]): LoadResult | undefined {
  const parsed = reportSchema.safeParse(jsonOf(json));
  if (!parsed.success) return undefined;
  const { latencies, requests, rate, bytes_in: received, status_codes: statuses, errors } = parsed.data;
  const answered = statuses["200"] ?? 0;
  if (answered > requests) return undefined;
  const messages = protocol === "grpc" ? Math.min(answered, Math.floor(received.total / healthBytes)) : answered;
  const ms = (nanoseconds: number) => nanoseconds / 1e6;
  return {
    ...{ sent: requests, failed: requests - messages, rate, json: json.trim() },
    errors: messages < answered ? [...errors, "a call was answered without a message"] : errors,
    ...{ p50: ms(latencies["50th"]), p90: ms(latencies["90th"]), p99: ms(latencies["99th"]) },
  };
}
