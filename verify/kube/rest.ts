import type { RequestOptions } from "node:https";
import type { LabFacts } from "../../experiments/types";
import { LabError, messageOf } from "../../host/errors";
import { bounded, realClock } from "../eventually";
import { parsedJson, textAt } from "../json";
import type { HttpAnswer } from "../lab-client";
import { type HttpRequest, httpRequest } from "./http";

/** The Kubernetes client. Its package is an ES module and is loaded on first use. */
export const client = () => import("@kubernetes/client-node");

type Client = Awaited<ReturnType<typeof client>>;
export type KubeConfig = InstanceType<Client["KubeConfig"]>;
export type V1Status = InstanceType<Client["V1Status"]>;

/**
 * Reads the lab's kubeconfig, with the lab's context and no other.
 * @throws LabError when the file cannot be read or has no such context
 */
export async function kubeConfig({
  kubeconfig,
  context,
}: Pick<LabFacts, "kubeconfig" | "context">): Promise<KubeConfig> {
  const { KubeConfig } = await client();
  const config = new KubeConfig();
  try {
    config.loadFromFile(kubeconfig);
  } catch (cause) {
    throw new LabError(
      {
        what: `Cannot read "${kubeconfig}": ${messageOf(cause)}`,
        why: "The lab's cluster is reached through it alone",
        fix: "npm run up",
      },
      { cause },
    );
  }
  if (!config.getContextObject(context)) {
    throw new LabError({
      what: `"${kubeconfig}" has no context "${context}"`,
      why: "The lab never guesses a cluster: another context may be production",
      fix: "npm run up   (or: npm run lab -- config set context NAME)",
    });
  }
  config.setCurrentContext(context);
  return config;
}

/** Timeout of one request to the API server, in milliseconds. */
const answerMs = 20_000;

/** The API server is overloaded, or a new kind is not ready yet. It has not processed the request. */
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

const reasonOf = (body: string): string => textAt(parsedJson(body), "message") ?? body;

/**
 * Sends a request to the API server and returns raw JSON: the client's models would convert times and drop unknown fields.
 * The client library supplies the authentication methods of the kubeconfig.
 * A request that is answered with 429 is repeated after the time in Retry-After.
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
