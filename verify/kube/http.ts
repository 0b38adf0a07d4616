import { type IncomingMessage, request as plainRequest } from "node:http";
import { type RequestOptions, request as tlsRequest } from "node:https";
import type { Duplex } from "node:stream";
import type { HttpAnswer } from "../lab-client";

/** The connection of a request: an address, or an open stream. */
export type Way = { url: string; options?: RequestOptions } | { tunnel: Duplex };

/** One request. */
export interface HttpRequest {
  method: string;
  path: string;
  headers: Readonly<Record<string, string>>;
  body?: string;
}

/** Sends an HTTP request on a new connection, and reads the whole answer. */
export function httpRequest(request: HttpRequest, way: Way, signal: AbortSignal): Promise<HttpAnswer> {
  const { method, path, headers, body } = request;
  const started = performance.now();
  return new Promise((resolve, reject) => {
    // Node.js sends the body of a DELETE without a Content-Length.
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const sent = begin({ method, path, headers: { ...headers, ...length, connection: "close" }, signal }, way);
    sent.on("error", reject);
    sent.on("response", (answer) => {
      const done = (text: string): HttpAnswer => ({
        status: answer.statusCode ?? 0,
        headers: flat(answer),
        body: text,
        seconds: (performance.now() - started) / 1000,
      });
      collect(answer).then((text) => resolve(done(text)), reject);
    });
    sent.end(body);
  });
}

function begin(options: RequestOptions, way: Way) {
  if ("tunnel" in way) return plainRequest({ ...options, createConnection: () => way.tunnel });
  const { protocol, hostname, port } = new URL(way.url);
  const headers = { ...way.options?.headers, ...options.headers };
  // The agent from the kubeconfig has its proxy and its server name.
  const agent = way.options?.agent ?? false;
  const target = { ...way.options, ...options, agent, headers, hostname, ...(port ? { port } : {}) };
  return protocol === "https:" ? tlsRequest(target) : plainRequest(target);
}

async function collect(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}

const flat = ({ headers }: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : (value ?? "")]),
  );
