import { Duplex, PassThrough, Writable } from "node:stream";
import { bounded } from "../eventually";
import type { HttpAnswer, PodRef } from "../lab-client";
import { httpRequest } from "./http";
import { client, type KubeConfig } from "./rest";

/** Timeout of one request to a pod's port, in milliseconds. */
const answerMs = 10_000;

/** GET on a port of a pod, through a port-forward of the API server, which also reaches ports on the pod's loopback address. */
export async function forwardGet(
  config: KubeConfig,
  pod: PodRef,
  port: number,
  path: string,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  return bounded(
    async (limit) => {
      const tunnel = await open(config, pod, port);
      try {
        const request = { method: "GET", path, headers: { host: "localhost" } };
        return await Promise.race([httpRequest(request, { tunnel: tunnel.stream }, limit), tunnel.failed]);
      } finally {
        tunnel.close();
      }
    },
    answerMs,
    signal,
  );
}

interface Tunnel {
  stream: Duplex;
  /** Rejects when the node cannot reach the port; it never resolves. */
  failed: Promise<never>;
  close: () => void;
}

async function open(config: KubeConfig, pod: PodRef, port: number): Promise<Tunnel> {
  const { PortForward } = await client();
  const input = new PassThrough();
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      input.write(chunk, done);
    },
  });
  const fromPod = new Writable({
    write(chunk: Buffer, _encoding, done) {
      stream.push(chunk);
      done();
    },
  });
  let errors = new Writable();
  const failed = new Promise<never>((_resolve, reject) => {
    errors = new Writable({
      write(chunk: Buffer, _encoding, done) {
        if (chunk.length > 0) reject(new Error(`port ${port} of ${pod.name}: ${chunk.toString("utf8")}`));
        done();
      },
    });
  });
  const socket = await new PortForward(config).portForward(pod.namespace, pod.name, [port], fromPod, errors, input);
  if (typeof socket === "function") throw new Error("The port-forward restarts by itself, which was not asked for");
  socket.addEventListener("close", () => stream.push(null));
  return { stream, failed, close: () => socket.close() };
}
