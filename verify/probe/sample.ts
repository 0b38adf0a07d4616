import { randomUUID } from "node:crypto";
import { hostOf } from "../../experiments/names";
import type { Sample } from "../../experiments/types";
import type { Bench } from "../context";
import { curlManyArguments, parseCurlMany, type Shot } from "./curl";
import { requestLimit, tagged } from "./send";

/** A sample that was sent: one id for all, a number for each. */
export interface Volley {
  id: string;
  shots: readonly Shot[];
}

/** Sends the requests of a sample, so many at a time, each on a connection of its own. Nothing is sent twice. */
export async function fire(bench: Bench, sample: Sample, parallel: number): Promise<Volley> {
  const id = randomUUID();
  const path = tagged(sample.path, id);
  const timeoutMs = requestLimit(bench) * 2;
  if (sample.from === "host") return { id, shots: await fromHost(bench, sample, path, parallel, timeoutMs) };
  const actor = await bench.cast.client(sample.from, bench.signal);
  const command = curlManyArguments({
    method: sample.method,
    url: `http://${hostOf(sample.service ?? "appb")}:8000${path}`,
    headers: sample.headers ?? {},
    count: sample.count,
    parallel,
    timeoutMs,
  });
  const rounds = Math.ceil(sample.count / parallel);
  const result = await bench.world.exec(actor, command, timeoutMs * rounds, bench.signal);
  return { id, shots: parseCurlMany(result.stdout) };
}

async function fromHost(
  bench: Bench,
  sample: Sample,
  path: string,
  parallel: number,
  timeoutMs: number,
): Promise<Shot[]> {
  const host = `appb.${bench.facts.settings.domain}`;
  const queue = Array.from({ length: sample.count }, (_, index) => index + 1);
  const shots: Shot[] = [];
  const worker = async () => {
    for (let n = queue.shift(); n !== undefined; n = queue.shift()) {
      const request = { method: sample.method, path: `${path}&n=${n}`, host, headers: sample.headers ?? {}, timeoutMs };
      const started = bench.clock.now();
      try {
        const { status, seconds } = await bench.world.gateway(request, bench.signal);
        shots.push({ status, seconds });
      } catch {
        bench.signal.throwIfAborted();
        // No answer is an answer to a sample: it is counted as status 0.
        shots.push({ status: 0, seconds: (bench.clock.now() - started) / 1000 });
      }
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return shots;
}
