import { numberAt, parsedJson, textAt } from "../json";
import { hostPort } from "../pods";

/** The answer to a request, from the output of {@link curlArguments}. */
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

/** With `--request HEAD` curl would wait for a body. */
export const methodArguments = (method: string): string[] => (method === "HEAD" ? ["--head"] : ["--request", method]);

export const headerArguments = (headers: Readonly<Record<string, string>>): string[] =>
  Object.entries(headers).flatMap(([name, value]) => ["--header", `${name}: ${value}`]);

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
    ...methodArguments(request.method),
    "--max-time",
    String(request.timeoutMs / 1000),
    ...headerArguments(request.headers),
    "--write-out",
    `${mark}%{json}`,
    request.url,
  ];
}

/** Reads the output of curl; undefined without measurements. */
export function parseCurl(stdout: string): CurlAnswer | undefined {
  const cut = stdout.lastIndexOf(mark);
  if (cut < 0) return undefined;
  const measured = parsedJson(stdout.slice(cut + mark.length));
  if (measured === undefined) return undefined;
  const answer = stdout.slice(0, cut);
  const end = answer.indexOf("\r\n\r\n");
  const [head, body] = end < 0 ? [answer, ""] : [answer.slice(0, end), answer.slice(end + 4)];
  const measurements = measurementsOf(measured);
  // Anything else was cut.
  if (!Number.isInteger(measurements.status) || measurements.status < 0) return undefined;
  return { ...measurements, headers: parseHeaders(head), body };
}

/** The fields of curl's `--write-out %{json}` that an answer has. */
export function measurementsOf(measured: unknown): Pick<CurlAnswer, "status" | "seconds" | "local" | "error"> {
  const [ip, port] = [textAt(measured, "local_ip"), numberAt(measured, "local_port")];
  const error = textAt(measured, "errormsg");
  return {
    status: numberAt(measured, "response_code") ?? numberAt(measured, "http_code") ?? 0,
    seconds: numberAt(measured, "time_total") ?? 0,
    ...(ip && port ? { local: hostPort(ip, port) } : {}),
    ...(error ? { error } : {}),
  };
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

/** Arguments for parallel requests, each on a connection of its own and with its number at the end of the query. */
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
    ...methodArguments(request.method),
    "--max-time",
    String(request.timeoutMs / 1000),
    "--header",
    "Connection: close",
    ...headerArguments(request.headers),
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

/** Reads the output of {@link curlManyArguments}: one line a request, in the order of the answers. */
export function parseCurlMany(stdout: string): SampleAnswer[] {
  return [...stdout.matchAll(/^(\d{3}) (\d+(?:\.\d+)?)$/gm)].map(([, status, seconds]) => ({
    status: Number(status),
    seconds: Number(seconds),
  }));
}
