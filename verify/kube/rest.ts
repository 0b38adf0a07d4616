import type { RequestOptions } from "node:https";
import { bounded, realClock } from "../eventually";
import { textAt } from "../json";
import type { HttpAnswer } from "../lab-client";
import type { KubeConfig } from "./client";
import { type HttpRequest, httpRequest } from "./http";

/** Timeout of one request to the API server, in milliseconds. */
const answerMs = 20_000;

/** The API server has too much to do, or a kind that has just been defined is not ready: it has not begun with the request. */
const tooMany = 429;
/** Retries of such a request, as client-go has them (k8s.io/client-go: rest/request.go, maxRetries; rest/with_retry.go). */
const mostRetries = 10;
const waitMs = ({ headers }: HttpAnswer): number => 1000 * Math.min(10, Number(headers["retry-after"] ?? 1) || 1);

/** The API server answered with an error. */
export class ApiError extends Error {
  readonly status: number;

  constructor(request: HttpRequest, answer: HttpAnswer) {
    super(`${request.method} ${request.path}: ${answer.status} ${reasonOf(answer.body)}`);
    this.name = "ApiError";
    this.status = answer.status;
  }
}

function reasonOf(body: string): string {
  try {
    return textAt(JSON.parse(body), "message") ?? body;
  } catch {
    return body;
  }
}

/**
 * Sends a request to the API server and returns raw JSON: the client's models would convert times and drop unknown fields.
 * The client library supplies the authentication methods of the kubeconfig.
 * A request that the API server puts off is sent again when it says.
 * @throws ApiError for any answer but 2xx
 */
export async function callApi(config: KubeConfig, request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Error("The kubeconfig's context names no cluster");
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const path = `${new URL(cluster.server).pathname.replace(/\/$/, "")}${request.path}`;
  const send = () =>
    bounded((limit) => httpRequest({ ...request, path }, { url: cluster.server, options }, limit), answerMs, signal);
  let answer = await send();
  for (let retry = 0; answer.status === tooMany && retry < mostRetries; retry += 1) {
    await realClock.sleep(waitMs(answer), signal);
    answer = await send();
  }
  if (answer.status < 200 || answer.status > 299) throw new ApiError(request, answer);
  return answer;
}
