import { randomUUID } from "node:crypto";
import { ports } from "../../config/vocabulary";
import { hostOf, waypointAt } from "../../experiments/names";
import type { ServiceName } from "../../experiments/slices";
import type { Call } from "../../experiments/types";
import { converging, type VerifyContext } from "../context";
import { DeadlineError, eventually } from "../eventually";
import type { AccessLine } from "../logs/access-log";
import type { SentRequest } from "../report/schema";
import { type LoggedLines, loggedLines } from "./sample-logs";
import { podName, requestLimit } from "./send";

/** The answer to a gRPC call, as the client got it. */
export interface GrpcAnswer {
  /** HTTP status; 0 without an answer. */
  http: number;
  /** gRPC status, from the trailers or, in an answer without a message, from the headers. */
  code?: number;
  message: string;
  /** Whether the answer is a HealthCheckResponse with the status SERVING (field 1 is 1). */
  serving: boolean;
}

/**
 * A command that calls a method with an empty message: a byte for "not compressed", and four bytes for the length 0. An argument
 * cannot contain a zero byte, so that printf of the shell writes them.
 */
export function grpcArguments(call: { url: string; id: string; timeoutMs: number }): string[] {
  return [
    ...["sh", "-c", "printf '\\000\\000\\000\\000\\000' | curl \"$@\"", "curl"],
    ...["--silent", "--show-error", "--include", "--http2-prior-knowledge", "--data-binary", "@-"],
    ...["--max-time", String(call.timeoutMs / 1000)],
    ...["--header", "content-type: application/grpc", "--header", "te: trailers"],
    // A query would become part of the method's name, so that the id is in fields that proxies log.
    ...["--header", `x-request-id: ${call.id}`, "--user-agent", `probe=${call.id}`],
    call.url,
  ];
}

/** Decodes the percent-encoding of a message; a malformed one stays as it is, as gRPC requires (PROTOCOL-HTTP2.md, Status-Message). */
function decoded(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}

/** Reads the output of curl: headers, message and trailers in one stream. */
export function parseGrpc(stdout: string): GrpcAnswer {
  // Trailers follow the message without a break between them.
  const field = (name: string) => new RegExp(`${name}: *(.*?)\\r?$`, "im").exec(stdout)?.[1];
  const code = /^\d+$/.exec(field("grpc-status") ?? "")?.[0];
  return {
    http: Number(/^HTTP\/2 (\d{3})/.exec(stdout)?.[1] ?? 0),
    ...(code === undefined ? {} : { code: Number(code) }),
    message: decoded(field("grpc-message") ?? ""),
    serving: stdout.includes("\u0000\u0000\u0000\u0000\u0002\u0008\u0001"),
  };
}

/** A gRPC call: the answer, and the lines of the waypoint about it. */
export interface Called {
  answer: GrpcAnswer;
  request: SentRequest;
  /** The call as text, with the error of curl when it failed. */
  words: string;
  lines: LoggedLines<AccessLine>;
}

/** Calls a method once, and reads the waypoint's record of the call. */
export async function call(context: VerifyContext, service: ServiceName, { from, method }: Call): Promise<Called> {
  const id = randomUUID();
  const { answer, request, words, seconds } = await sent(context, service, { from, method }, id);
  const answers = [{ status: answer.http, seconds }];
  return { answer, request, words, lines: await loggedLines(context, { id, answers }, 1, waypointAt(service)) };
}

/**
 * Calls until the status is as expected, or until the deadline: the positive control before calls that must be refused.
 * @returns the gRPC status of each call; undefined for a call without one
 */
export async function converge(
  context: VerifyContext,
  service: ServiceName,
  wanted: Call,
): Promise<(number | undefined)[]> {
  const codes: (number | undefined)[] = [];
  const look = async () => {
    const { answer } = await sent(context, service, wanted, randomUUID());
    codes.push(answer.code);
    if (answer.code !== wanted.code) throw new Error(`code ${answer.code ?? "none"}`);
  };
  await eventually(look, converging(context, wanted.name)).catch((error: unknown) => {
    // The call that is judged later reports the problem.
    if (!(error instanceof DeadlineError)) throw error;
  });
  return codes;
}

async function sent(
  context: VerifyContext,
  service: ServiceName,
  { from, method }: Pick<Call, "from" | "method">,
  id: string,
) {
  const clientPod = await context.podFinder.client(from, context.signal);
  const timeoutMs = requestLimit(context);
  const url = `http://${hostOf(service)}:${ports.service}${method}`;
  const started = context.clock.now();
  const result = await context.lab.exec(
    clientPod,
    grpcArguments({ url, id, timeoutMs }),
    timeoutMs + 10_000,
    context.signal,
  );
  const trouble = result.code === 0 ? "" : ` (exit ${result.code}: ${result.stderr.trim()})`;
  const answer = parseGrpc(result.stdout);
  const pod = podName(clientPod);
  const request: SentRequest = {
    ...{ pod, method: "POST", url, path: method, to: "service", target: service, token: false, status: answer.http },
    ...(answer.code === undefined ? {} : { grpcStatus: answer.code }),
    ...(trouble ? { error: result.stderr.trim(), curlExit: result.code } : {}),
  };
  return {
    answer,
    request,
    words: `POST ${url} from ${pod}, id ${id}${trouble}`,
    seconds: (context.clock.now() - started) / 1000,
  };
}
