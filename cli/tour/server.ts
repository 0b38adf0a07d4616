import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { tour } from "../../experiments/tour";
import { statePart, stepPage } from "./page";
import { stepOf, type TourAction, type TourSession } from "./session";

/** The arrow keys open the previous and the next step, except in scrollable and editable elements. */
const keys = `addEventListener("keydown", (event) => {
  const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  if (!rel || event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, pre, .scroll")) return;
  document.querySelector('a[rel="' + rel + '"]')?.click();
});
`;

const files: Readonly<Record<string, () => { type: string; content: string | Buffer }>> = {
  "keys.js": () => ({ type: "text/javascript", content: keys }),
  "htmx.js": () => ({ type: "text/javascript", content: readFileSync(require.resolve("htmx.org/dist/htmx.min.js")) }),
  "lab.svg": () => ({ type: "image/svg+xml", content: readFileSync(join(__dirname, "../../docs/lab.svg")) }),
};

/** The HTTP server of a tour. */
export interface TourServer {
  /** URL of the first step. It contains a secret that other pages and other users do not know. */
  url: string;
  close(): Promise<void>;
}

/**
 * Serves the tour on a free port of 127.0.0.1. Every request needs the secret of the URL, which other pages in the browser
 * cannot read. Requests of other origins, and for DNS names that resolve to 127.0.0.1, are refused.
 */
export async function serveTour(session: TourSession, first: string = tour[0]?.id ?? ""): Promise<TourServer> {
  const secret = randomBytes(16).toString("hex");
  const server = createServer((request, response) => answer(session, secret, request, response));
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `${originOf(server)}/${secret}/step/${first}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

const originOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

interface Reply {
  code: number;
  content: string | Buffer;
  type?: string;
  location?: string;
}

function answer(session: TourSession, secret: string, request: IncomingMessage, response: ServerResponse): void {
  const { code, content, type = "text/html", location } = replyTo(session, secret, request);
  const headers = { "content-type": `${type}; charset=utf-8`, "cache-control": "no-store" };
  response.writeHead(code, location === undefined ? headers : { ...headers, location }).end(content);
}

const notFound: Reply = { code: 404, content: "Not found" };

function replyTo(session: TourSession, secret: string, { headers, method, socket, url = "" }: IncomingMessage): Reply {
  const host = `127.0.0.1:${socket.localPort}`;
  const [, given, area = "", name, part] = url.split(/[/?]/);
  if (headers.host !== host || given !== secret) return notFound;
  const file = name === undefined ? files[area] : undefined;
  if (file && method === "GET") return { code: 200, ...file() };
  const step = area === "step" ? stepOf(name ?? "") : undefined;
  if (!step) return notFound;
  const state = (): Reply => ({ code: 200, content: statePart(session, step).text });
  if (method === "GET") return part === "state" ? state() : { code: 200, content: stepPage(session, step) };
  const foreign = headers.origin !== undefined && headers.origin !== `http://${host}`;
  if (method !== "POST" || foreign) return { code: 405, content: "Not allowed" };
  session.start(step, part as TourAction);
  if (headers["hx-request"]) return state();
  // Without the script the form loads the page again.
  return { code: 303, content: "", location: `../${step.id}` };
}
