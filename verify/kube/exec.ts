import { Writable } from "node:stream";
import { bounded } from "../eventually";
import { listAt, numberAt, textAt } from "../json";
import type { CommandResult, PodRef } from "../lab-client";
import { client, type KubeConfig, type V1Status } from "./rest";

/** Runs a command in a container and collects what it writes. */
export async function podExec(
  config: KubeConfig,
  pod: PodRef,
  command: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<CommandResult> {
  const { Exec } = await client();
  const [stdout, stderr] = [collector(), collector()];
  return bounded(
    async (limit) => {
      const status = await new Promise<V1Status>((resolve, reject) => {
        const [out, err] = [stdout.stream, stderr.stream];
        new Exec(config)
          .exec(pod.namespace, pod.name, pod.container, [...command], out, err, null, false, resolve)
          .then((socket) => {
            socket.addEventListener("close", () => reject(new Error(`the connection to ${pod.name} closed early`)));
            limit.addEventListener("abort", () => socket.close(), { once: true });
          }, reject);
      });
      const bytes = stdout.bytes();
      const errors = stderr.bytes().toString("utf8") || (status.message ?? "");
      return { code: exitCodeOf(status), stdout: bytes.toString("utf8"), bytes, stderr: errors };
    },
    timeoutMs,
    signal,
  );
}

function exitCodeOf(status: V1Status): number {
  if (status.status === "Success") return 0;
  const cause = listAt(status, "details", "causes").find((item) => textAt(item, "reason") === "ExitCode");
  return numberAt(cause, "message") ?? 1;
}

function collector(): { stream: Writable; bytes: () => Buffer } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, bytes: () => Buffer.concat(chunks) };
}
