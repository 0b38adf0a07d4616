import { randomUUID } from "node:crypto";
import { ports } from "../../config/vocabulary";
import { hostOf } from "../../experiments/names";
import type { Sample } from "../../experiments/types";
import type { VerifyContext } from "../context";
import { curlManyArguments, parseCurlMany, type SampleAnswer } from "./curl";
import { requestLimit, tagged } from "./send";

/** The answers to a sample. All requests have the same id. */
export interface SampleResult {
  id: string;
  answers: readonly SampleAnswer[];
}

/** Sends the requests of a sample, `parallel` at a time, each on its own connection. No request is repeated. */
export async function sendSample(context: VerifyContext, sample: Sample, parallel: number): Promise<SampleResult> {
  const id = randomUUID();
  const path = tagged(sample.path, id);
  const timeoutMs = requestLimit(context) * 2;
  if (sample.from === "host") return { id, answers: await fromHost(context, sample, path, parallel, timeoutMs) };
  const clientPod = await context.podFinder.client(sample.from, context.signal);
  const command = curlManyArguments({
    method: sample.method,
    url: `http://${hostOf(sample.service ?? "appb")}:${ports.service}${path}`,
    headers: sample.headers ?? {},
    count: sample.count,
    parallel,
    timeoutMs,
  });
  const rounds = Math.ceil(sample.count / parallel);
  const result = await context.lab.exec(clientPod, command, timeoutMs * rounds, context.signal);
  return { id, answers: parseCurlMany(result.stdout) };
}

async function fromHost(
  context: VerifyContext,
  sample: Sample,
  path: string,
  parallel: number,
  timeoutMs: number,
): Promise<SampleAnswer[]> {
  const host = `appb.${context.facts.settings.domain}`;
  const queue = Array.from({ length: sample.count }, (_, index) => index + 1);
  const answers: SampleAnswer[] = [];
  const worker = async () => {
    for (let n = queue.shift(); n !== undefined; n = queue.shift()) {
      const request = { method: sample.method, path: `${path}&n=${n}`, host, headers: sample.headers ?? {}, timeoutMs };
      const started = context.clock.now();
      try {
        const { status, seconds } = await context.lab.gateway(request, context.signal);
        answers.push({ status, seconds });
      } catch {
        context.signal.throwIfAborted();
        // A request without an answer counts as status 0.
        answers.push({ status: 0, seconds: (context.clock.now() - started) / 1000 });
      }
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return answers;
}
