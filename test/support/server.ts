import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** The answer of a path: a body, a status, or a body that ends after half of its announced length. */
type Answer = { body: Buffer | string } | { status: number } | { cut: Buffer | string };

/** An HTTP server on 127.0.0.1 whose answers a test can change. */
export interface TestServer {
  readonly url: string;
  readonly answers: Map<string, Answer>;
  /** Paths of the requests, in order. */
  readonly asked: string[];
  close(): Promise<void>;
}

/** Starts a {@link TestServer} on a free port. */
export async function startServer(): Promise<TestServer> {
  const answers = new Map<string, Answer>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = (request.url ?? "").slice(1);
    asked.push(path);
    const answer = answers.get(path) ?? { status: 404 };
    if ("status" in answer) return response.writeHead(answer.status).end();
    if ("body" in answer) {
      // Kubernetes clients parse an answer by its content type.
      if (answer.body.toString().startsWith("{")) response.setHeader("content-type", "application/json");
      return response.end(answer.body);
    }
    response.writeHead(200, { "content-length": answer.cut.length * 2 }).write(answer.cut, () => response.destroy());
    return response;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    answers,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
