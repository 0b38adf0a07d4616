import { randomUUID } from "node:crypto";
import { ports } from "../../config/vocabulary";
import { hostOf, waypointAt } from "../../experiments/names";
import type { ServiceName } from "../../experiments/slices";
import type { Call } from "../../experiments/types";
import { loggedLines } from "../checks/counted";
import type { VerifyContext } from "../context";
import { DeadlineError, eventually } from "../eventually";
import type { AccessLine } from "../logs/access-log";
import type { SentRequest } from "../report/schema";
import { type GrpcAnswer, grpcArguments, parseGrpc } from "./grpc-output";
import { podName, requestLimit } from "./send";

/** A call by gRPC as its caller and the waypoint saw it. */
export interface Called {
  answer: GrpcAnswer;
  request: SentRequest;
  /** The call in words, and curl's own when it failed. */
  words: string;
  /** The waypoint's lines about it; a reason when they cannot be read. */
  lines: readonly AccessLine[] | string;
}

/** Calls a method once and looks for the waypoint's record of it. */
export async function call(context: VerifyContext, service: ServiceName, { from, method }: Call): Promise<Called> {
  const id = randomUUID();
  const { answer, request, words, seconds } = await sent(context, service, { from, method }, id);
  const answers = [{ status: answer.http, seconds }];
  return { answer, request, words, lines: await loggedLines(context, { id, answers }, 1, waypointAt(service)) };
}

/**
 * Calls until the code is as expected, or the deadline is over: the positive control before a refusal.
 * @returns the codes that the calls got; undefined for a call without one
 */
export async function converge(
  context: VerifyContext,
  service: ServiceName,
  wanted: Call,
): Promise<(number | undefined)[]> {
  const codes: (number | undefined)[] = [];
  const { convergeMs, intervalMs, streak } = context.timings;
  const look = async () => {
    const { answer } = await sent(context, service, wanted, randomUUID());
    codes.push(answer.code);
    if (answer.code !== wanted.code) throw new Error(`code ${answer.code ?? "none"}`);
  };
  const timing = { deadlineMs: convergeMs, intervalMs, streak, signal: context.signal, clock: context.clock };
  await eventually(look, { what: wanted.name, ...timing }).catch((error: unknown) => {
    // The call that is judged afterwards reports the problem.
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
