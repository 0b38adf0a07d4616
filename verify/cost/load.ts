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

/** A kind of request: its protocol, and whether connections are reused. */
export type RequestKind = Pick<CostLatency, "protocol" | "connections">;

/** Requests by HTTP/1.1 on reused connections. */
export const keptHttp: RequestKind = { protocol: "http", connections: "kept" };

/** The kinds of requests that are measured in a lab with these modules. gRPC sends all calls on one connection. */
export const requestKinds = (modules: readonly ModuleName[]): readonly RequestKind[] => [
  keptHttp,
  { protocol: "http", connections: "new" },
  ...(modules.includes("grpc") ? [{ protocol: "grpc", connections: "kept" } as const] : []),
];

/** Whether a request or result has the protocol and connections of a kind. */
export const isOfKind = ({ protocol, connections }: RequestKind, kind: RequestKind): boolean =>
  protocol === kind.protocol && connections === kind.connections;

/** A load of requests at fixed intervals, from the client of a path to its server. */
export interface LoadPlan extends RequestKind {
  path: CostPath;
  perSecond: number;
  seconds: number;
  /** ID in the user agent of every request, by which the requests are found in the logs of the proxies. */
  id: string;
}

/** Client and server of a path. */
export interface Endpoints {
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

/** The result of a load. */
export interface LoadResult {
  sent: number;
  /** Number of requests without an answer 200, and of gRPC calls without a message. */
  failed: number;
  /** Error messages of vegeta. */
  errors: readonly string[];
  /** Requests sent per second. */
  rate: number;
  /** Latency in milliseconds, from the start of a request to the end of its answer. */
  p50: number;
  p90: number;
  p99: number;
  /** Report of vegeta. */
  json: string;
}

/** A gRPC message without fields: a byte for "not compressed", and four bytes for the length 0 (grpc, doc/PROTOCOL-HTTP2.md). */
const emptyMessage = Buffer.alloc(5).toString("base64");

/** Length in bytes of a message with a HealthCheckResponse: a prefix of five bytes, the field and its value. */
export const healthBytes = 7;

/**
 * Each request in vegeta's format for targets (lib/targets.schema.json), and the options for its protocol. The
 * answers by HTTP have the same length. For gRPC the message is read, because a refusal also has the HTTP status 200, but no message.
 */
const requestOf = {
  http: { port: ports.service, method: "GET", path: `/bytes/${numbers.answerBytes}?seed=1`, options: ["-max-body=0"] },
  grpc: { port: health.port, method: "POST", path: health.allowed, options: ["-h2c"] },
} as const;
const grpcHeader = { "Content-Type": ["application/grpc"], Te: ["trailers"] };

/**
 * vegeta starts another worker when all workers wait for an answer (lib/attack.go), so that a slow answer delays no other
 * request. The URL contains the IP address: each path would resolve a name in a different way, and the lookup would be measured.
 */
const script =
  'target=$1; shift; printf "%s\\n" "$target" | vegeta attack -format=json "$@" | vegeta report -type=json';

/**
 * Sends a load and waits until it is complete.
 * @throws PreconditionError when the client's image has no vegeta, or its report cannot be read
 */
export async function sendLoad(context: VerifyContext, endpoints: Endpoints, plan: LoadPlan): Promise<LoadResult> {
  const { port, method, path, options } = requestOf[plan.protocol];
  const isGrpc = plan.protocol === "grpc";
  const target = {
    ...{ method, url: `http://${hostPort(endpoints.address, port)}${path}` },
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
  const { stdout, stderr } = await context.lab.exec(endpoints.client, command, limitMs, context.signal);
  const report = parseReport(stdout, plan.protocol);
  if (report && report.sent > 0) return report;
  const said = stderr.trim().split("\n").at(-1) || "no report";
  throw unobservable("client", `vegeta in ${clientOf(plan.path)}: ${said}`);
}

/** Parses the report of vegeta; undefined for any other text. */
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
