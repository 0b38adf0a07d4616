import { numberAt, textAt } from "../json";
import { hostPort } from "../pods";

/** What curl saw, from the text that {@link curlArguments} makes it write. */
export interface CurlAnswer {
  /** 0 when there was no answer. */
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string;
  seconds: number;
  /** Address and port of the client's end of the connection; ztunnel logs the same pair. */
  local?: string;
  /** curl's error message. */
  error?: string;
}

const mark = "\n@@ambient-lab@@";

/** Arguments for one request on a connection of its own, answer and measurements on stdout. */
export function curlArguments(request: {
  method: string;
  url: string;
  headers: Readonly<Record<string, string>>;
  timeoutMs: number;
  /** Port of the client's end, or one of the nine behind it. */
  localPort: number;
}): string[] {
  return [
    "curl",
    "--silent",
    "--include",
    "--local-port",
    `${request.localPort}-${request.localPort + 9}`,
    // With -X HEAD curl would wait for a body that never comes.
    ...(request.method === "HEAD" ? ["--head"] : ["--request", request.method]),
    "--max-time",
    String(request.timeoutMs / 1000),
    ...Object.entries(request.headers).flatMap(([name, value]) => ["--header", `${name}: ${value}`]),
    "--write-out",
    `${mark}%{json}`,
    request.url,
  ];
}

/** Reads what curl wrote; undefined when it wrote no measurements. */
export function parseCurl(stdout: string): CurlAnswer | undefined {
  const cut = stdout.lastIndexOf(mark);
  if (cut < 0) return undefined;
  const measured = jsonOf(stdout.slice(cut + mark.length));
  if (measured === undefined) return undefined;
  const answer = stdout.slice(0, cut);
  const end = answer.indexOf("\r\n\r\n");
  const [head, body] = end < 0 ? [answer, ""] : [answer.slice(0, end), answer.slice(end + 4)];
  const [ip, port] = [textAt(measured, "local_ip"), numberAt(measured, "local_port")];
  const error = textAt(measured, "errormsg");
  return {
    status: numberAt(measured, "response_code") ?? numberAt(measured, "http_code") ?? 0,
    headers: parseHeaders(head),
    body,
    seconds: numberAt(measured, "time_total") ?? 0,
    ...(ip && port ? { local: hostPort(ip, port) } : {}),
    ...(error ? { error } : {}),
  };
}

/** Measurements of which a part is missing, as where curl was killed, are none. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseHeaders(head: string): Record<string, string> {
  return Object.fromEntries(
    head
      .split("\r\n")
      .slice(1)
      .map((line) => /^([^:]+):\s*(.*)$/.exec(line))
      .filter((match) => match !== null)
      .map(([, name, value]) => [String(name).toLowerCase(), String(value)]),
  );
}

/** Arguments for many requests side by side, each on its own connection and with its number at the end of the query. */
export function curlManyArguments(request: {
  method: string;
  url: string;
  headers: Readonly<Record<string, string>>;
  count: number;
  parallel: number;
  timeoutMs: number;
}): string[] {
  return [
    "curl",
    "--silent",
    "--output",
    "/dev/null",
    "--parallel",
    "--parallel-immediate",
    "--parallel-max",
    String(request.parallel),
    ...(request.method === "HEAD" ? ["--head"] : ["--request", request.method]),
    "--max-time",
    String(request.timeoutMs / 1000),
    "--header",
    "Connection: close",
    ...Object.entries(request.headers).flatMap(([name, value]) => ["--header", `${name}: ${value}`]),
    "--write-out",
    "%{http_code} %{time_total}\\n",
    `${request.url}&n=[1-${request.count}]`,
  ];
}

/** One request of many. */
export interface SampleAnswer {
  status: number;
  seconds: number;
}

/** Reads what {@link curlManyArguments} makes curl write: one line a request, in the order of the answers. */
export function parseCurlMany(stdout: string): SampleAnswer[] {
  return [...stdout.matchAll(/^(\d{3}) (\d+(?:\.\d+)?)$/gm)].map(([, status, seconds]) => ({
    status: Number(status),
    seconds: Number(seconds),
  }));
}
